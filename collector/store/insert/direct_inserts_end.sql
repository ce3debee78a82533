ALTER TABLE direct_inserts DROP PARTITION {token:String}
