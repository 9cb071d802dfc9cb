"""PostgreSQL: rows in ``tables``, queries in ``repositories``, transactions in ``unit_of_work``."""
