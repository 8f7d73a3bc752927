-- A backfill of a study: how many trials it is to ask for, of the steps and of what is known already.
CREATE TABLE studies (backfill_no INTEGER NOT NULL, asset_id INTEGER NOT NULL, trials INTEGER NOT NULL);
-- The trials that were asked for: of which key, and, as JSON, the values before they were rounded to it. Several may be
-- of one key.
CREATE TABLE study_trials (
    backfill_no INTEGER NOT NULL, trial_no INTEGER NOT NULL, key_id BIGINT NOT NULL, asked VARCHAR NOT NULL
);
