-- It keeps nothing, so making it anew is how it gets the columns of a new version.
CREATE OR REPLACE TABLE $WHOLE.$TABLE AS $DATABASE.$TABLE ENGINE = Distributed('$CLUSTER', '$DATABASE', '$TABLE', $KEY)
