"""The `torc` command."""

from torc_cli.own_packages import pin_own_packages

# before the first import of another package of ours
pin_own_packages()
