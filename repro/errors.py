"""The one exception that stands for a mistake a person can mend."""


class InputError(ValueError):
    """Bad input; its message is one line that names the thing and the mend.

    The command line prints the message alone and ends with status 2.
    """
