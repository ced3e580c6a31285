"""The core of Torc: models, rules and plans; pure, without input, output or a clock of its own."""

__version__ = "0.1.0"
API_VERSION = "0.35.0"
API_PREFIX = "/torc-service/v1"
