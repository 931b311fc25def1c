-- The last time at which a replica served and its clock was not doubted. One row; none before the first minute.
CREATE TABLE clock (
    one BIGINT PRIMARY KEY,
    ran_until_us BIGINT NOT NULL
);
