"""Ask0 for Python servers: send events, and read and change users, segments and access."""

from ask0_sdk.async_client import AsyncAsk0
from ask0_sdk.client import Ask0
from ask0_sdk.errors import Ask0Error, NotJson
from ask0_sdk.options import VERSION as __version__
from ask0_sdk.voice import Refusal

__all__ = ["Ask0", "Ask0Error", "AsyncAsk0", "NotJson", "Refusal", "__version__"]
