"""The settings a command runs with: ASK0_* variables, over those of a .env file in the current folder."""

import os

from dotenv import dotenv_values

from ask0.schemas.settings import PREFIX, Settings


def read_settings() -> Settings:
    """Raises SettingsError, which names the variable."""
    from_file = {
        name: value
        for name, value in dotenv_values(".env", interpolate=False).items()
        if name.startswith(PREFIX) and value is not None
    }
    return Settings.from_environ({**from_file, **os.environ})
