"""The audit log keeps who changed access and who deleted workflows, in the transaction of the change."""

import httpx
from helpers import ServerProcess


def test_what_changes_access_is_kept_and_what_fails_or_only_reads_is_not(server: ServerProcess) -> None:
    with httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as http:
        group = http.post("/access_groups", json={"name": "lab"}).json()
        assert http.post("/access_groups", json={"name": "lab"}).status_code == 409
        http.get("/access_groups")
        http.post(f"/access_groups/{group['id']}/members", json={"user_name": "ann", "role": "member"})
        workflow = http.post("/workflows", json={"name": "w", "user": "u"}).json()
        http.post(f"/workflows/{workflow['id']}/access_groups/{group['id']}")
        http.delete(f"/workflows/{workflow['id']}")
        http.post("/admin/reload-auth")
        page = http.get("/admin/audit-log").json()
        newest = http.get("/admin/audit-log", params={"limit": 1}).json()
    assert [f"{entry['method']} {entry['path']}" for entry in page["items"]] == [
        "POST /admin/reload-auth",
        f"DELETE /workflows/{workflow['id']}",
        f"POST /workflows/{workflow['id']}/access_groups/{group['id']}",
        f"POST /access_groups/{group['id']}/members",
        "POST /access_groups",
    ]
    assert {entry["is_proven"] for entry in page["items"]} == {False}
    assert (newest["items"], newest["total_count"], newest["has_more"]) == (page["items"][:1], 5, True)
