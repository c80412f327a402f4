"""The one exception for mistakes that a person can fix."""


class InputError(ValueError):
    """Bad input; its message is one line that names the thing and the fix.

    The command line prints the message alone and ends with status 2.
    """
