"""A model that leaves out of its JSON what is not known."""

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class SparseModel(BaseModel):
    """Frozen; leaves out of its JSON what is None."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        fields: dict[str, object] = handler(self)
        return {name: value for name, value in fields.items() if value is not None}
