CREATE TABLE approval_requests (
	request_id VARCHAR(32) NOT NULL, 
	tenant VARCHAR(256) NOT NULL, 
	user VARCHAR(256), 
	thread_id TEXT NOT NULL, 
	checkpoint_ns TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	tool_call_ids JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	position INTEGER, 
	payload JSON NOT NULL, 
	policy_sha256 VARCHAR(64) NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	expires_at VARCHAR(40) NOT NULL, 
	answered_at VARCHAR(40), 
	answer JSON, 
	PRIMARY KEY (request_id)
);

CREATE INDEX ix_approval_requests_thread ON approval_requests (tenant, thread_id, status);

CREATE TABLE catalog_state (
	schema INTEGER NOT NULL, 
	changes INTEGER NOT NULL, 
	PRIMARY KEY (schema)
);

CREATE TABLE grants (
	grant_id VARCHAR(32) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	tenant VARCHAR(256) NOT NULL, 
	user VARCHAR(256), 
	thread_id TEXT, 
	tool_id VARCHAR(256) NOT NULL, 
	scopes JSON NOT NULL, 
	versions JSON NOT NULL, 
	digest VARCHAR(64), 
	request_id VARCHAR(32), 
	max_uses INTEGER, 
	uses INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	expires_at VARCHAR(40), 
	PRIMARY KEY (grant_id)
);

CREATE INDEX ix_grants_consumer ON grants (tenant, tool_id, status);

CREATE TABLE ledger (
	seq INTEGER NOT NULL, 
	occurred_at VARCHAR(40) NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	handle_id VARCHAR(32), 
	version INTEGER, 
	name TEXT, 
	scope TEXT, 
	tool_id TEXT, 
	tool_call_id TEXT, 
	thread_id TEXT, 
	run_id TEXT, 
	tenant TEXT, 
	user TEXT, 
	environment TEXT, 
	policy_sha256 VARCHAR(64), 
	error TEXT, 
	prev_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (seq)
);

CREATE TABLE ledger_head (
	ledger_id VARCHAR(32) NOT NULL, 
	seq INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	key_check VARCHAR(64) NOT NULL, 
	PRIMARY KEY (ledger_id)
);

CREATE TABLE secret_references (
	secret_ref_id VARCHAR(256) NOT NULL, 
	tenant VARCHAR(256) NOT NULL, 
	handle_id VARCHAR(32) NOT NULL, 
	secret_alias VARCHAR(120), 
	allowed_tool_ids JSON NOT NULL, 
	display_name VARCHAR(120), 
	PRIMARY KEY (secret_ref_id), 
	UNIQUE (tenant, secret_alias)
);

CREATE INDEX ix_secret_references_handle_id ON secret_references (handle_id);

CREATE TABLE secrets (
	handle_id VARCHAR(32) NOT NULL, 
	tenant VARCHAR(256) NOT NULL, 
	owner VARCHAR(256) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	provider VARCHAR(120) NOT NULL, 
	ref TEXT NOT NULL, 
	scope VARCHAR(512) NOT NULL, 
	environment VARCHAR(120), 
	allowed_hosts JSON NOT NULL, 
	expires_at VARCHAR(40), 
	status VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	next_version INTEGER NOT NULL, 
	first_version INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	updated_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (handle_id), 
	UNIQUE (tenant, owner, name)
);

CREATE TABLE tyrum_values (
	provider VARCHAR(120) NOT NULL, 
	ref TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	key_id VARCHAR(16) NOT NULL, 
	nonce BLOB NOT NULL, 
	sealed BLOB NOT NULL, 
	PRIMARY KEY (provider, ref, version)
);
