"""Resource requirements by what jobs used, and by groups of jobs, on the command line."""

import json

from torc_process import SpecWriter, Torc


def test_jobs_are_grouped_anew_by_what_they_used(torc: Torc, spec: SpecWriter) -> None:
    workflow_id = torc("run", spec(jobs={"a": "true", "b": "true"}), "-f", "json").json["workflow_id"]
    report = torc("workflows", "analyze-resources", workflow_id, "-f", "json").json
    assert [(group["job_count"], group["jobs_with_results"]) for group in report["resource_groups"]] == [(2, 2)]
    table = torc("workflows", "analyze-resources", workflow_id)
    assert "Asks For" in table.out
    assert "regroup-resources" in table.err
    [first, _] = [job["id"] for job in torc("jobs", "list", workflow_id, "-f", "json").json]
    file = torc.folder / "groups.json"
    file.write_text(json.dumps([{"name": "big", "job_ids": [first], "memory": "2g", "num_cpus": 2, "runtime": "PT1H"}]))
    planned = torc("workflows", "regroup-resources", workflow_id, file, "--dry-run")
    assert "Would change what 1 job" in planned.out
    assert [row["name"] for row in torc("resource-requirements", "list", workflow_id, "-f", "json").json] == ["default"]
    done = torc("workflows", "regroup-resources", workflow_id, file, "-f", "json").json
    changed = torc("jobs", "get", first, "-f", "json").json["resource_requirements_id"]
    assert changed == done["groups"][0]["resource_requirements_id"]
    file.write_text('[{"job_ids": [], "memory": "2g", "num_cpus": 1, "runtime": "PT1H"}]')
    refused = torc("workflows", "regroup-resources", workflow_id, file, code=2)
    assert f"{file}: groups[0].job_ids" in refused.err
