-- How a clip is made to fit its model.

UPDATE jobs SET record = json_set(record, '$.fit', json('null'), '$.fitted', json('null'));

-- The source files of the claim as JSON, packed (zlib) where they are many: of numbered frames there
-- are thousands. Stands last, so that what reads the columns before it does not meet them.
ALTER TABLE jobs ADD COLUMN files TEXT NOT NULL DEFAULT '[]';

UPDATE jobs SET files = json_extract(record, '$.claim.source'),
    record = json_remove(
        json_set(record, '$.references', json_extract(record, '$.claim.references')), '$.claim');
