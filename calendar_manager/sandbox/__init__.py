"""HTTP stand-ins for the calendar providers, for trying, testing and measuring without an account.

``server`` runs it, ``control_client`` drives it from tests and the demo, ``app`` joins the parts:
``google`` and ``graph`` answer as Google and Microsoft do, ``faults`` breaks answers on demand,
``control`` is the API that sets it all up. Nothing here imports the rest of ``calendar_manager``,
so that the product and its stand-in cannot share a misunderstanding.
"""
