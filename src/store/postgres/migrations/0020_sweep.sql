-- Records written since they were last compared with all others. turn grows with each writing, so that what is written
-- while a record is compared is not taken for compared.
CREATE TABLE match_due (
    entity BIGINT NOT NULL PRIMARY KEY REFERENCES entity (id),
    turn   BIGINT NOT NULL
);

-- Why it is asked, where no decision on an arrival tells it.
ALTER TABLE candidate ADD COLUMN evidence TEXT;

-- merge: the loser redirects to the survivor. link: the survivor is a request of the loser, who is its person.
ALTER TABLE merge_event ADD COLUMN kind TEXT NOT NULL DEFAULT 'merge';
