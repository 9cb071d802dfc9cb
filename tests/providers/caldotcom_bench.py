"""The contract's bench at the sandbox's Cal.com."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import requests

from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

HOUR = timedelta(hours=1)
