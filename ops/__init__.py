"""The operator's side: the ``exchange`` command, and the supervisor that holds the processes together."""
