CREATE TABLE accounts (id bigint PRIMARY KEY, closed_at timestamptz);
CREATE TABLE sign_ins (id bigint PRIMARY KEY, account_id bigint NOT NULL, at bigint NOT NULL);
-- 700 closed long ago, 200 closed lately, 100 open
INSERT INTO accounts SELECT i, now() - interval '5 years' - i * interval '1 hour' FROM generate_series(1, 700) i;
INSERT INTO accounts SELECT i, now() - interval '1 year' FROM generate_series(701, 900) i;
INSERT INTO accounts SELECT i, NULL FROM generate_series(901, 1000) i;
-- all of them old, and all of them held
INSERT INTO sign_ins SELECT i, i % 1000, (extract(epoch FROM now() - interval '1 year') * 1000)::bigint
  FROM generate_series(1, 5000) i;
CREATE ROLE eraser LOGIN PASSWORD 'demo';
GRANT USAGE ON SCHEMA public TO eraser;
GRANT SELECT, DELETE ON accounts, sign_ins TO eraser;
