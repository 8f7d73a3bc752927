-- No primary keys and no ON CONFLICT: there is one writer at a time, and an index makes every insert several times slower.

-- The schema's number, the last sequence, and the next free id of each kind.
CREATE TABLE meta (name VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE schema_steps (number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL);

-- `definition` is the declaration as JSON; `next_end` is when the next window of the set ends, null where none comes.
CREATE TABLE partition_sets (
    set_id INTEGER NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, definition VARCHAR NOT NULL,
    version BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, next_end TIMESTAMPTZ
);
-- A key is one of one set; its id stays when it is renamed, removed, or added again. Lists that nobody named share
-- their keys, as set -1: an asset whose list changes keeps the partitions that are in both. Texts are not compressed:
-- to write them takes a third of the time then, to look one up half, and the file of a million keys is twice as large.
CREATE TABLE keys (
    key_id BIGINT NOT NULL, set_id INTEGER NOT NULL, key VARCHAR NOT NULL USING COMPRESSION uncompressed
);
-- The texts that keys had before they were renamed: their files stay in the folders of these.
CREATE TABLE former_keys (key_id BIGINT NOT NULL, key VARCHAR NOT NULL);
-- The keys that a set has now. Declared parameters and columns of a set stand in a table of its own, set_columns_<id>.
-- A window's position is when it starts, in seconds; a product's keys have none of their own.
CREATE TABLE members (set_id INTEGER NOT NULL, key_id BIGINT NOT NULL, position BIGINT NOT NULL);
-- What the keys of products and of children are made of: part n is dimension n by name, or 0, the parent.
CREATE TABLE key_parts (set_id INTEGER NOT NULL, part UTINYINT NOT NULL, key_id BIGINT NOT NULL, part_id BIGINT NOT NULL);
-- starts_local is what the clock in the set's zone shows at the start.
CREATE TABLE windows (
    set_id INTEGER NOT NULL, key_id BIGINT NOT NULL, starts_at TIMESTAMPTZ NOT NULL, ends_at TIMESTAMPTZ NOT NULL,
    starts_local TIMESTAMP NOT NULL
);
-- Which keys came and went, and by whom: a person, or the trigger of a tick; not of windows and products, which follow
-- from the time and from their dimensions, but of windows that another definition takes off or brings back.
CREATE TABLE member_events (
    sequence BIGINT NOT NULL, happened_at TIMESTAMPTZ NOT NULL, set_id INTEGER NOT NULL, key_id BIGINT NOT NULL,
    action VARCHAR NOT NULL, author VARCHAR NOT NULL, tick_id BIGINT
);

CREATE TABLE assets (
    asset_id INTEGER NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, active BOOLEAN NOT NULL,
    set_id INTEGER NOT NULL, code_version VARCHAR, definition VARCHAR NOT NULL, registered_at TIMESTAMPTZ NOT NULL,
    sequence BIGINT NOT NULL
);
CREATE TABLE asset_versions (
    asset_id INTEGER NOT NULL, code_version VARCHAR, definition VARCHAR NOT NULL, registered_at TIMESTAMPTZ NOT NULL,
    sequence BIGINT NOT NULL
);
-- `mapping` is JSON, `argument` the name under which a run loads the input: an asset may read one in several ways.
CREATE TABLE dependencies (
    asset_id INTEGER NOT NULL, input_id INTEGER NOT NULL, mapping VARCHAR NOT NULL, argument VARCHAR NOT NULL,
    skips_missing BOOLEAN NOT NULL
);
CREATE TABLE observed (
    asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, size BIGINT, proof VARCHAR, materialization_id BIGINT NOT NULL
);

-- cleaned_at: when the files that its dead attempts left were removed; at once where it ended in order.
CREATE TABLE coordinators (
    coordinator_no INTEGER NOT NULL, host VARCHAR NOT NULL, pid INTEGER NOT NULL, lock VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL, started_at TIMESTAMPTZ NOT NULL, ended_at TIMESTAMPTZ, cleaned_at TIMESTAMPTZ
);
-- sequence and planned_at are those of its plan, null before it has one: what was made after them was made since.
CREATE TABLE backfills (
    backfill_no INTEGER NOT NULL, backfill_id VARCHAR NOT NULL, selection VARCHAR NOT NULL, options VARCHAR NOT NULL,
    steps BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL, sequence BIGINT, planned_at TIMESTAMPTZ
);
CREATE TABLE backfill_events (
    backfill_no INTEGER NOT NULL, happened_at TIMESTAMPTZ NOT NULL, kind VARCHAR NOT NULL, coordinator_no INTEGER,
    sequence BIGINT NOT NULL
);
-- What a requested backfill is to look at, until it has steps; all keys of the asset where key_id is null.
CREATE TABLE requested_steps (backfill_no INTEGER NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT);
CREATE TABLE steps (
    backfill_no INTEGER NOT NULL, step_no BIGINT NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL,
    reason VARCHAR
);
-- The last row of a step counts: the highest rowid, since rows of one step are appended in their order.
CREATE TABLE step_results (
    backfill_no INTEGER NOT NULL, step_no BIGINT NOT NULL, status VARCHAR NOT NULL, run_no BIGINT, cause VARCHAR,
    sequence BIGINT NOT NULL
);

CREATE TABLE runs (
    run_no BIGINT NOT NULL, run_id VARCHAR NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL,
    backfill_no INTEGER, step_no BIGINT, code_version VARCHAR, settings VARCHAR, coordinator_no INTEGER,
    created_at TIMESTAMPTZ NOT NULL, sequence BIGINT NOT NULL
);
-- What the columns of its key came to that a run was given, where its asset binds some: of a run that fails nothing else
-- says what it read of them.
CREATE TABLE run_columns (run_no BIGINT NOT NULL, data_hash UBIGINT NOT NULL);
CREATE TABLE attempts (
    run_no BIGINT NOT NULL, attempt INTEGER NOT NULL, started_at TIMESTAMPTZ NOT NULL, notebook VARCHAR, log VARCHAR,
    sequence BIGINT NOT NULL
);
CREATE TABLE outcomes (
    run_no BIGINT NOT NULL, attempt INTEGER NOT NULL, status VARCHAR NOT NULL, final BOOLEAN NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL, duration_s DOUBLE, error_class VARCHAR, error_message VARCHAR,
    error_cell BIGINT, traceback VARCHAR, exit_code BIGINT, missing_inputs VARCHAR, kernel VARCHAR,
    kernel_kind VARCHAR, cpu_s DOUBLE, peak_rss_bytes BIGINT, kept_kernel VARCHAR, sequence BIGINT NOT NULL,
    note VARCHAR, curves VARCHAR, stopped_early BOOLEAN
);
-- An observation of a source is a materialization without a run; one of a file that vanished has no data_version.
-- `kind` is that of MaterializationKind; an accepted one has the run, the data and the files of the one before it.
CREATE TABLE materializations (
    materialization_id BIGINT NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, run_no BIGINT,
    code_version VARCHAR, data_version VARCHAR, data_hash UBIGINT, materialized_at TIMESTAMPTZ NOT NULL, duration_s DOUBLE,
    rows BIGINT, bytes BIGINT, sequence BIGINT NOT NULL, kind VARCHAR NOT NULL, stopped_early BOOLEAN
);
CREATE TABLE data_files (
    materialization_id BIGINT NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, format VARCHAR,
    path VARCHAR NOT NULL, rows BIGINT, bytes BIGINT, data_version VARCHAR, schema VARCHAR
);
-- key_id is that of the only key by `same` and `whole`, else null: data_hash is then the order-free hash over n keys.
-- lacking has the ids of keys without data, where the asset goes on without them; taken those that were read, where new
-- ones are ignored.
CREATE TABLE inputs (
    materialization_id BIGINT NOT NULL, input_id INTEGER NOT NULL, key_id BIGINT, n BIGINT NOT NULL,
    data_hash UBIGINT, position BIGINT, argument VARCHAR NOT NULL, lacking BIGINT[],
    taken BIGINT[]
);
-- A number, a text, a truth value as both, a whole number as number and, exactly, whole.
CREATE TABLE metrics (
    materialization_id BIGINT NOT NULL, name VARCHAR NOT NULL, number DOUBLE, text VARCHAR, whole HUGEINT
);

-- The checks of assets; `definition` is a JSON of the whole, `version` that of its code.
CREATE TABLE checks (
    check_id INTEGER NOT NULL, asset_id INTEGER NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    active BOOLEAN NOT NULL, is_blocking BOOLEAN NOT NULL, severity VARCHAR NOT NULL, version VARCHAR NOT NULL,
    definition VARCHAR NOT NULL, registered_at TIMESTAMPTZ NOT NULL
);
-- What checks said of the data of partitions; run_no is that of the run that made the data, null where it was judged
-- alone. `metadata` is JSON.
CREATE TABLE check_outcomes (
    check_id INTEGER NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, materialization_id BIGINT NOT NULL,
    data_hash UBIGINT NOT NULL, version VARCHAR NOT NULL, passed BOOLEAN NOT NULL, message VARCHAR, traceback VARCHAR,
    metadata VARCHAR, run_no BIGINT, happened_at TIMESTAMPTZ NOT NULL, sequence BIGINT NOT NULL
);

-- What was seen of a materialization's files when somebody looked; the last row of each counts (the highest rowid).
CREATE TABLE data_seen (
    materialization_id BIGINT NOT NULL, state VARCHAR NOT NULL, reason VARCHAR NOT NULL, seen_at TIMESTAMPTZ NOT NULL,
    sequence BIGINT NOT NULL
);

-- What a person did to partitions by a verb: who, when and why, and to which of their materializations.
CREATE TABLE verb_events (
    verb_no BIGINT NOT NULL, verb VARCHAR NOT NULL, happened_at TIMESTAMPTZ NOT NULL, person VARCHAR NOT NULL,
    reason VARCHAR NOT NULL, sequence BIGINT NOT NULL
);
CREATE TABLE verb_partitions (
    verb_no BIGINT NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, materialization_id BIGINT
);

-- What every event above comes to, for each partition that was ever touched; check.py can rebuild it.
CREATE TABLE partition_facts (
    asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, materialization_id BIGINT, data_hash UBIGINT,
    outcome UTINYINT NOT NULL, stale UTINYINT NOT NULL, active UTINYINT NOT NULL, active_run BIGINT,
    changed BIGINT NOT NULL
);

-- The last outcome of each check and partition; it holds as long as the data are those that it judged.
CREATE TABLE check_facts (
    check_id INTEGER NOT NULL, asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, data_hash UBIGINT NOT NULL,
    version VARCHAR NOT NULL, passed BOOLEAN NOT NULL
);

-- What all keys of an asset come to, where something reads all of them; counted anew where a row is not there.
CREATE TABLE ledgers (
    asset_id INTEGER NOT NULL, members BIGINT NOT NULL, with_data BIGINT NOT NULL, with_bit BIGINT NOT NULL,
    data_hash UBIGINT NOT NULL
);

-- The same of groups of keys, where something reads those whose columns are equal to its own. `columns` has these as JSON,
-- with how each is compared; `label` is a hash of their values.
CREATE TABLE groupings (grouping_no INTEGER NOT NULL, asset_id INTEGER NOT NULL, columns VARCHAR NOT NULL);
CREATE TABLE group_ledgers (
    grouping_no INTEGER NOT NULL, label UBIGINT NOT NULL, members BIGINT NOT NULL, with_data BIGINT NOT NULL,
    with_bit BIGINT NOT NULL, data_hash UBIGINT NOT NULL
);

-- Which keys a condition relates, for one version of the two sets: found again where `version` is another one by now.
CREATE TABLE pair_searches (
    search_no INTEGER NOT NULL, condition VARCHAR NOT NULL, reader_set_id INTEGER NOT NULL,
    input_set_id INTEGER NOT NULL, version VARCHAR NOT NULL, pairs BIGINT NOT NULL
);
CREATE TABLE condition_pairs (search_no INTEGER NOT NULL, reader_id BIGINT NOT NULL, input_id BIGINT NOT NULL);

-- What asks for work by itself; `kind` is that of TriggerKind. `is_on`: whether a watcher looks. No time before
-- changed_at, when its definition changed or it was turned on, belongs to it.
CREATE TABLE triggers (
    trigger_id INTEGER NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL, active BOOLEAN NOT NULL,
    is_on BOOLEAN NOT NULL, definition VARCHAR NOT NULL, cursor VARCHAR, registered_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);
-- A look of a trigger; `outcome` is that of TickOutcome. requested and dropped count requests for runs.
CREATE TABLE ticks (
    tick_id BIGINT NOT NULL, trigger_id INTEGER NOT NULL, happened_at TIMESTAMPTZ NOT NULL, duration_s DOUBLE,
    outcome VARCHAR NOT NULL, added BIGINT NOT NULL, removed BIGINT NOT NULL, requested BIGINT NOT NULL,
    dropped BIGINT NOT NULL, message VARCHAR NOT NULL, error VARCHAR, traceback VARCHAR, printed VARCHAR
);
CREATE TABLE tick_backfills (tick_id BIGINT NOT NULL, backfill_no INTEGER NOT NULL);
-- Functions that are told of an event (failure, late) by who watches.
CREATE TABLE hooks (name VARCHAR NOT NULL, event VARCHAR NOT NULL, definition VARCHAR NOT NULL);
-- Of which backfills hooks were told that steps failed, and how many had then.
CREATE TABLE told_failures (backfill_no INTEGER NOT NULL, failed BIGINT NOT NULL);
-- The run keys of requests that were recorded: none is used twice, whatever becomes of its runs.
CREATE TABLE run_keys (
    trigger_id INTEGER NOT NULL, run_key VARCHAR NOT NULL, used_at TIMESTAMPTZ NOT NULL, tick_id BIGINT NOT NULL
);

-- Partitions that became late and were reported, once each until they are made again; due_at is since when.
CREATE TABLE late_events (
    asset_id INTEGER NOT NULL, key_id BIGINT NOT NULL, due_at TIMESTAMPTZ NOT NULL, happened_at TIMESTAMPTZ NOT NULL,
    sequence BIGINT NOT NULL
);

INSERT INTO meta VALUES
    ('schema', '0'), ('sequence', '0'), ('workspace_id', uuid()::VARCHAR), ('next_set_id', '1'), ('next_key_id', '1'),
    ('next_asset_id', '1'), ('next_coordinator_no', '1'), ('next_backfill_no', '1'), ('next_run_no', '1'),
    ('next_materialization_id', '1'), ('next_trigger_id', '1'), ('next_window_end', ''), ('next_verb_no', '1'),
    ('next_tick_id', '1'), ('next_check_id', '1');
INSERT INTO partition_sets VALUES (0, '', 'single', '{}', 0, now(), NULL);
INSERT INTO keys VALUES (0, 0, '');
INSERT INTO members VALUES (0, 0, 0);

-- How many runs of an asset, or of a tag (tag:db), may go on at a time; and the backfills that wait for a place, in turn.
CREATE TABLE run_limits (name VARCHAR NOT NULL, most INTEGER NOT NULL);
CREATE TABLE place_waits (
    backfill_no INTEGER NOT NULL, coordinator_no INTEGER NOT NULL, asset_id INTEGER NOT NULL, sequence BIGINT NOT NULL
);

-- A backfill of a study: how many trials it is to ask for, of the steps and of what is known already.
CREATE TABLE studies (backfill_no INTEGER NOT NULL, asset_id INTEGER NOT NULL, trials INTEGER NOT NULL);
-- The trials that were asked for: of which key, and, as JSON, the values before they were rounded to it. Several may be
-- of one key.
CREATE TABLE study_trials (
    backfill_no INTEGER NOT NULL, trial_no INTEGER NOT NULL, key_id BIGINT NOT NULL, asked VARCHAR NOT NULL
);
