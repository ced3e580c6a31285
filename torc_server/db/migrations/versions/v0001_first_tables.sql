-- The tables of the first release, as they were then: later changes are migrations of their own.

CREATE TABLE workflow (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name VARCHAR NOT NULL,
    user VARCHAR NOT NULL,
    description VARCHAR,
    timestamp VARCHAR NOT NULL,
    project VARCHAR,
    metadata JSON,
    run_id INTEGER NOT NULL,
    is_canceled BOOLEAN NOT NULL,
    is_archived BOOLEAN NOT NULL,
    use_pending_failed BOOLEAN,
    enable_ro_crate BOOLEAN,
    env JSON,
    submission_directory VARCHAR,
    compute_node_expiration_buffer_seconds INTEGER,
    compute_node_ignore_workflow_completion BOOLEAN,
    compute_node_min_time_for_new_jobs_seconds INTEGER,
    compute_node_wait_for_healthy_database_minutes INTEGER,
    compute_node_wait_for_new_jobs_seconds INTEGER,
    resource_monitor_config JSON,
    execution_config JSON,
    slurm_defaults JSON,
    dynamic_jobs JSON
);

CREATE INDEX ix_workflow_user ON workflow (user);

CREATE TABLE access_group (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name VARCHAR NOT NULL,
    description VARCHAR,
    is_system BOOLEAN NOT NULL,
    created_at VARCHAR NOT NULL,
    CONSTRAINT uq_access_group_name UNIQUE (name)
);

CREATE TABLE resource_requirements (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    num_cpus INTEGER NOT NULL,
    num_gpus INTEGER NOT NULL,
    num_nodes INTEGER NOT NULL,
    memory VARCHAR NOT NULL,
    runtime VARCHAR NOT NULL,
    memory_bytes INTEGER NOT NULL,
    runtime_s FLOAT NOT NULL,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_resource_requirements_workflow_id ON resource_requirements (workflow_id);

CREATE TABLE failure_handler (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    rules VARCHAR NOT NULL,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_failure_handler_workflow_id ON failure_handler (workflow_id);

CREATE TABLE file (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    st_mtime FLOAT,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_file_workflow_id ON file (workflow_id);

CREATE TABLE user_data (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    is_ephemeral BOOLEAN NOT NULL,
    data JSON,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_user_data_workflow_id ON user_data (workflow_id);

CREATE TABLE compute_node (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    hostname VARCHAR NOT NULL,
    pid INTEGER NOT NULL,
    start_time VARCHAR NOT NULL,
    num_cpus INTEGER NOT NULL,
    num_gpus INTEGER NOT NULL,
    num_nodes INTEGER NOT NULL,
    memory_gb FLOAT NOT NULL,
    compute_node_type VARCHAR NOT NULL,
    is_active BOOLEAN NOT NULL,
    duration_seconds FLOAT,
    time_limit VARCHAR,
    scheduler_config_id INTEGER,
    scheduler JSON,
    peak_memory_bytes INTEGER,
    avg_memory_bytes INTEGER,
    peak_cpu_percent FLOAT,
    avg_cpu_percent FLOAT,
    sample_count INTEGER,
    last_heartbeat VARCHAR,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_compute_node_workflow ON compute_node (workflow_id, is_active);

CREATE TABLE scheduled_compute_node (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    scheduler_id INTEGER NOT NULL,
    scheduler_config_id INTEGER NOT NULL,
    scheduler_type VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_scheduled_compute_node_workflow ON scheduled_compute_node (workflow_id, status);

CREATE TABLE slurm_scheduler (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR,
    account VARCHAR NOT NULL,
    nodes INTEGER NOT NULL,
    walltime VARCHAR NOT NULL,
    partition VARCHAR,
    qos VARCHAR,
    gres VARCHAR,
    mem VARCHAR,
    ntasks_per_node INTEGER,
    tmp VARCHAR,
    extra VARCHAR,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_slurm_scheduler_workflow_id ON slurm_scheduler (workflow_id);

CREATE TABLE local_scheduler (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR,
    memory VARCHAR,
    num_cpus INTEGER,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_local_scheduler_workflow_id ON local_scheduler (workflow_id);

CREATE TABLE workflow_action (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    trigger_type VARCHAR NOT NULL,
    action_type VARCHAR NOT NULL,
    action_config JSON NOT NULL,
    trigger_count INTEGER NOT NULL,
    required_triggers INTEGER NOT NULL,
    executed BOOLEAN NOT NULL,
    executed_at VARCHAR,
    executed_by INTEGER,
    persistent BOOLEAN NOT NULL,
    is_recovery BOOLEAN NOT NULL,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_workflow_action_trigger ON workflow_action (workflow_id, trigger_type);

CREATE TABLE event (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    data JSON NOT NULL,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
);

CREATE INDEX ix_event_workflow ON event (workflow_id, timestamp);

CREATE TABLE remote_worker (
    workflow_id INTEGER NOT NULL,
    worker VARCHAR NOT NULL,
    PRIMARY KEY (workflow_id, worker),
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE user_group_membership (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_name VARCHAR NOT NULL,
    group_id INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL,
    CONSTRAINT uq_user_group_membership UNIQUE (user_name, group_id),
    FOREIGN KEY(group_id) REFERENCES access_group (id) ON DELETE CASCADE
);

CREATE INDEX ix_user_group_membership_group_id ON user_group_membership (group_id);

CREATE TABLE workflow_access_group (
    workflow_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    created_at VARCHAR NOT NULL,
    PRIMARY KEY (workflow_id, group_id),
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(group_id) REFERENCES access_group (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_workflow_access_group_reverse ON workflow_access_group (group_id, workflow_id);

CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    command VARCHAR NOT NULL,
    invocation_script VARCHAR,
    env JSON,
    status INTEGER NOT NULL,
    cancel_on_blocking_job_failure BOOLEAN NOT NULL,
    supports_termination BOOLEAN NOT NULL,
    priority INTEGER NOT NULL,
    resource_requirements_id INTEGER NOT NULL,
    num_cpus INTEGER NOT NULL,
    num_gpus INTEGER NOT NULL,
    num_nodes INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    runtime_s FLOAT NOT NULL,
    scheduler_id INTEGER,
    failure_handler_id INTEGER,
    attempt_id INTEGER NOT NULL,
    infrastructure_faults INTEGER NOT NULL,
    unresolved_dependencies INTEGER NOT NULL,
    compute_node_id INTEGER,
    start_time VARCHAR,
    input_hash VARCHAR,
    origin VARCHAR,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(resource_requirements_id) REFERENCES resource_requirements (id),
    FOREIGN KEY(failure_handler_id) REFERENCES failure_handler (id) ON DELETE SET NULL
);

CREATE INDEX ix_job_resource_requirements_id ON job (resource_requirements_id);

CREATE INDEX ix_job_workflow_status ON job (workflow_id, status);

CREATE INDEX ix_job_ready ON job (workflow_id, priority DESC, num_gpus DESC, runtime_s DESC, memory_bytes DESC, num_cpus DESC, id, num_nodes, scheduler_id) WHERE status = 2;

CREATE INDEX ix_job_held ON job (compute_node_id) WHERE compute_node_id IS NOT NULL;

CREATE INDEX ix_job_failure_handler ON job (failure_handler_id) WHERE failure_handler_id IS NOT NULL;

CREATE TABLE ro_crate_entity (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    entity_id VARCHAR NOT NULL,
    entity_type VARCHAR NOT NULL,
    metadata JSON NOT NULL,
    file_id INTEGER,
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(file_id) REFERENCES file (id) ON DELETE SET NULL
);

CREATE INDEX ix_ro_crate_entity_workflow_id ON ro_crate_entity (workflow_id);

CREATE INDEX ix_ro_crate_entity_file ON ro_crate_entity (file_id) WHERE file_id IS NOT NULL;

CREATE TABLE job_depends_on (
    job_id INTEGER NOT NULL,
    depends_on_job_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, depends_on_job_id),
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY(depends_on_job_id) REFERENCES job (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_job_depends_on_reverse ON job_depends_on (depends_on_job_id, job_id);

CREATE TABLE job_input_file (
    job_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, file_id),
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY(file_id) REFERENCES file (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_job_input_file_reverse ON job_input_file (file_id, job_id);

CREATE TABLE job_output_file (
    job_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, file_id),
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY(file_id) REFERENCES file (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_job_output_file_reverse ON job_output_file (file_id, job_id);

CREATE TABLE job_input_user_data (
    job_id INTEGER NOT NULL,
    user_data_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, user_data_id),
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY(user_data_id) REFERENCES user_data (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_job_input_user_data_reverse ON job_input_user_data (user_data_id, job_id);

CREATE TABLE job_output_user_data (
    job_id INTEGER NOT NULL,
    user_data_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, user_data_id),
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY(user_data_id) REFERENCES user_data (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_job_output_user_data_reverse ON job_output_user_data (user_data_id, job_id);

CREATE TABLE result (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,
    compute_node_id INTEGER NOT NULL,
    return_code INTEGER NOT NULL,
    exec_time_minutes FLOAT NOT NULL,
    completion_time VARCHAR NOT NULL,
    status INTEGER NOT NULL,
    peak_memory_bytes INTEGER,
    avg_memory_bytes INTEGER,
    peak_cpu_percent FLOAT,
    avg_cpu_percent FLOAT,
    cpu_time_s FLOAT,
    CONSTRAINT uq_result_attempt UNIQUE (job_id, run_id, attempt_id),
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
);

CREATE INDEX ix_result_workflow ON result (workflow_id, run_id);

CREATE TABLE failure_evidence (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,
    signature VARCHAR,
    data TEXT NOT NULL,
    CONSTRAINT uq_failure_evidence_attempt UNIQUE (job_id, run_id, attempt_id),
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
);

CREATE INDEX ix_failure_evidence_signature ON failure_evidence (workflow_id, signature);

CREATE TABLE workflow_action_job (
    action_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    counted BOOLEAN NOT NULL,
    PRIMARY KEY (action_id, job_id),
    FOREIGN KEY(action_id) REFERENCES workflow_action (id) ON DELETE CASCADE,
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX ix_workflow_action_job_reverse ON workflow_action_job (job_id, action_id);

CREATE TABLE slurm_stats (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,
    slurm_job_id VARCHAR,
    max_rss_bytes INTEGER,
    max_vm_size_bytes INTEGER,
    max_disk_read_bytes INTEGER,
    max_disk_write_bytes INTEGER,
    ave_cpu_seconds FLOAT,
    node_list VARCHAR,
    CONSTRAINT uq_slurm_stats_attempt UNIQUE (job_id, run_id, attempt_id),
    FOREIGN KEY(workflow_id) REFERENCES workflow (id) ON DELETE CASCADE,
    FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
);

CREATE INDEX ix_slurm_stats_workflow_id ON slurm_stats (workflow_id);
