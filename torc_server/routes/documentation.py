"""The page that describes the API, with every file it needs: a browser asks no other server."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, RedirectResponse

PAGE: Final = "/docs"

_STATIC: Final = Path(__file__).parents[1] / "static"

router = APIRouter(include_in_schema=False)

_FILES: Final = {
    "start.js": _STATIC / "docs" / "start.js",
    "swagger-ui-bundle.js": _STATIC / "swagger-ui" / "swagger-ui-bundle.js",
    "swagger-ui.css": _STATIC / "swagger-ui" / "swagger-ui.css",
    "favicon-32x32.png": _STATIC / "swagger-ui" / "favicon-32x32.png",
}
"""The only files that a request can name."""


@router.get(PAGE)
async def get_documentation() -> FileResponse:
    return FileResponse(_STATIC / "docs" / "index.html", media_type="text/html")


@router.get(f"{PAGE}/{{name}}")
async def get_documentation_file(name: str) -> FileResponse:
    if name not in _FILES:
        raise HTTPException(404)
    return FileResponse(_FILES[name])


@router.get("/redoc")
async def redirect_to_documentation() -> RedirectResponse:
    return RedirectResponse(PAGE)
