"""Files and user data, which jobs read and write."""

from typing import Any

from pydantic import Field

from torc_core.api.base import ApiModel


class FileModel(ApiModel):
    """A file. `st_mtime` is its modification time, seconds since the epoch; null while it does not exist.

    `sha256` is the SHA-256 of the content that it had at this time, null where nobody read it; a new time clears it.
    """

    id: int | None = None
    workflow_id: int
    name: str
    path: str
    st_mtime: float | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class FilesModel(ApiModel):
    files: list[FileModel]


class UserDataModel(ApiModel):
    """A JSON value passed between jobs; null data means not produced yet."""

    id: int | None = None
    workflow_id: int
    name: str
    is_ephemeral: bool | None = None
    data: Any | None = None


class UserDataListModel(ApiModel):
    user_data: list[UserDataModel]
