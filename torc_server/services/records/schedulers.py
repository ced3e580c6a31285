"""Configurations of schedulers."""

from typing import Final

from torc_core.api.schedulers import LocalSchedulerModel, SlurmSchedulerModel
from torc_server.db.queries.records.base import RecordStore
from torc_server.db.tables.runners import LocalScheduler, SlurmScheduler
from torc_server.services.records.base import Records

SLURM_SCHEDULERS: Final = Records(RecordStore(SlurmScheduler), SlurmSchedulerModel, noun="Slurm scheduler")
LOCAL_SCHEDULERS: Final = Records(RecordStore(LocalScheduler), LocalSchedulerModel, noun="local scheduler")
