DROP TABLE copied
