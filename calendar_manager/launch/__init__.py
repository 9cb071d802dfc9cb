"""Everything on one machine: servers, migrations, processes, and the guided tour.

`calendar_manager.launch.stack` starts it all in order and stops it in reverse,
`calendar_manager.launch.tour` shows it at work through the public HTTP API.
"""
