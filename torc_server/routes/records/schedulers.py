"""Configurations of schedulers."""

from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_server.routes.contract import contract_router
from torc_server.routes.parameters import Number, OptionalText
from torc_server.routes.records.factory import add_record_routes, services_of
from torc_server.services.records.schedulers import LOCAL_SCHEDULERS, SLURM_SCHEDULERS

router = contract_router("schedulers")

add_record_routes(
    router, "/slurm_schedulers", SlurmSchedulerModel, services_of(SLURM_SCHEDULERS), one="slurm_scheduler"
)
add_record_routes(
    router,
    "/local_schedulers",
    LocalSchedulerModel,
    services_of(LOCAL_SCHEDULERS),
    one="local_scheduler",
    filters={"memory": OptionalText, "num_cpus": Number},
)
