"""What is true: models, rules and plans. Pure: no input, no output, no clock of its own."""

__version__ = "0.1.0"
API_VERSION = "0.35.0"
API_PREFIX = "/torc-service/v1"
