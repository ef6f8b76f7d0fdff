PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'stacks','2026-11-30 17:22:01',1,X'22DCAE7BA71FE8095DD96A7EAD1B9B6525320B211B2674DB593E6371F411AF700BA0457F537A77D65613975BE6FE4605',11585269);
CREATE TABLE applied (
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id  TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    written      INTEGER NOT NULL,
    engine_id    TEXT    NOT NULL,
    form         INTEGER NOT NULL,
    spec         TEXT    NOT NULL,
    sealed       BLOB,
    image_id     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    PRIMARY KEY (stack_id, instance_id, hash)
) STRICT;
INSERT INTO "applied" VALUES('01a22d7a-552b-7220-9e11-89784912731b','01a22d7a-552b-7220-9e11-89798167cea4','1:2b84bd1a0f8bc8dad1974fb9fd04d09962d7e16e7ecf018b6c118f71b9919aae',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-infra-db-data"}],"network":{"name":"devarch-upg-infra-net","address":"10.211.120.130","aliases":["db"]}}',X'01D71A87FBC44DD843AECFE45D113BB474904F2FD6D7712F61064CDA9923CE5B7E1DC0713143656CDE20EB5C0442221A31F860D27A8C24F86F2699FC6F1F69D4C08514E661AA7C4D096E781262FAB7A972CD9D49CA1779E64FA68F270106','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da94beee160b','1:7e5322d8b15f238c296055f61603a59b55496472c55bbd2320564477e630e55d',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"worker","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"main","DB_HOST":"devarch-upg-shop-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"admin"},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.133","aliases":["worker"]},"depends_on":{"db":{"condition":"ready","required":true}},"wires":{"db":"db.db"}}',X'01D71A87FBC44DD843F8BAA42C69761CA15232BCD707A65357DC01BAE0D444D02B2C72ED77FD80F5EB61510E24937CEB773A2AC23EEB24F6783D7286CB1459E5D590B21BC6C2BFE62A014982E24C3FB921FE3B6C02655F425AC65ED20B09FAEAFE645CFB08A2F2E24A7EC5345E915B30046AA9C6319D33E7C2DC3352EF7C3A019A61B51EB4C3B3DE2A0ABEFD26BDAC5B97DF0AE425963B6337F838714FC8984A40C4ACCE6C8CB5391DE7E4F2D5774D2305BD1EAF290D70560DDF','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da91bd82b9c6','1:4c89dad6fc0fc48533c78d879c355ada625f0766468ae50e0ee57389e7783983',1,'@@engine@@',1,'{"image":"devarch-upg-shop-api:latest","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"api","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"api_db_47e2fb72","DB_HOST":"devarch-upg-infra-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"api_db_47e2fb72"},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.130","aliases":["api"]},"wires":{"db":"upg-infra/db.db"}}',X'01D71A87FBC44DD8432C2B2D677BEC9CF6FFCA339F240FA13A49510E0A8E311F546F8F4CE90C6EBC38B374C81223C233A738DE0E732265AC10EA81B744FE33FAEA2B723A25979479E00BE060E4110AF3C3CA4AC6BAA75B1752103DBB8A7166C689EF43D9AE7B2CF4AD1F8284A0811396F307BCAE1841B194B92D794082929D8E90E08DAB83B88C0EC4F3884DA1876ECFC4E89C383F162C490B08C9ACDD950A265E557FC7A1FA7E75FFE33DE6A103BF22F509737159731B662AD982DD2C353B7DA4105F6A4AF1186E9A4C5071882D75124573905AF7C9700CD85685E17608A1BA','@@image:devarch-upg-shop-api:latest@@','made');
INSERT INTO "applied" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da924346fe67','1:46389ead14789069599f6506caabb90a1c116cd20c30ae0a69bce75db0640d1c',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-shop-db-data"}],"network":{"name":"devarch-upg-shop-net","address":"10.211.77.131","aliases":["db"]}}',X'01D71A87FBC44DD84373CB9B5EFF3F0283E8DEA1D396D98B46B64F682AA89C4BA5CFBB18E5905716EB696BA60EF1753D88FEC1D5D00739ED1FBB9FB557B2B89364106E50666E807DEDB53E7CFFBFE47FA81FFF7B1A1CDBF5ED46B31FCC2E','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da935a0cf984','1:07e8ebf1026e23995dee5b1e920a6f7c19d2473c8091fa8bf55f8432bca5d33e',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"API_TOKEN":"[REDACTED]","PLAIN":"as it is","SESSION_KEY":"[REDACTED]"},"ports":{"80/tcp":"127.0.0.1:28143->80","9000/udp":"127.0.0.1:28102->9000/udp"},"mounts":[{"target":"/cache","volume":"devarch-upg-shop-web-cache"},{"target":"/pages","volume":"devarch-upg-shop-web-pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"config_files":{"/etc/inline.conf":{"content":"[REDACTED]","mode":"0440","owner":"0:0"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n","mode":"0644","owner":"0:0"}},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.132","aliases":["web"]},"depends_on":{"db":{"condition":"ready","required":true}}}',X'01D71A87FBC44DD8438E5F8054B18D652E26590E2D224E2893FD7575FA6CA8F3D520129DBF3BA3D4FD717AD9DF475DB076EC2670C510D9C5DCABEF88F714217F82329D06C943D5A9EEF78397DFAF1060931358F9C162FF1A0985784775329639B0D3F24CB63982B8955E840883433D3E2C47B1D86E70F11555F539485307FD57D263DB8645189FF39F4E5102390663783CE3A43B7B4D373BE710706A64F1FCED37E93832149C8DF9FB752D6AF01F4B7F1C6FF7E5785FEB7A65675AE31A559060DBF7600DFD125B3391D25EE9CAF9567BC74A3B','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-8158-7747-ad2a-5e42596f317f','01a22d7a-8158-7747-ad2a-5e43a2185f99','1:81ad3ace837a824db1df0488a7411ea9d167e6c06b69f162ef239f5c409516f6',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"left","restart":"no","stop_grace_period":"5s","mounts":[{"target":"/data","volume":"devarch-upg-edit-left-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.90.130","aliases":["left"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-8158-7747-ad2a-5e42596f317f','01a22d7a-8158-7747-ad2a-5e44d1932026','1:6be883263542232b46b25f716baa1b638b4b6e379b1ef0428354224ec82a47ad',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","ports":{"80/tcp":"127.0.0.1:28186->80"},"mounts":[{"target":"/data","volume":"devarch-upg-edit-web-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.90.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-93e7-70e5-b1d8-b417d885e73a','01a22d7a-93e7-70e5-b1d8-b418fb679bd6','1:62fff07bb85bca583ab4f3d67a36bac85e4aa16a524325b7f100c05ed3a1b2d7',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"late","restart":"no","stop_grace_period":"5s","network":{"name":"devarch-upg-half-net","address":"10.211.74.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-93e7-70e5-b1d8-b417d885e73a','01a22d7a-93e7-70e5-b1d8-b41917ef20da','1:b13a3cd3ab094a3f18e404c6ecfdc19187042f2b57a64c26e917050342176e4c',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"yes"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d7a-93e7-70e5-b1d8-b417d885e73a','01a22d7a-93e7-70e5-b1d8-b41917ef20da','1:e6987d2a0439b7ce03b05950037221eacf72a870cc4f6b4727d05742701bf744',2,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"no"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','begun');
CREATE TABLE applies (
    id           TEXT    NOT NULL PRIMARY KEY,
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    engine_id    TEXT    NOT NULL,
    plan_id      TEXT,
    author_user  TEXT    NOT NULL,
    author_host  TEXT    NOT NULL,
    author_pid   INTEGER NOT NULL,
    command      TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    committed_at INTEGER,
    ended_at     INTEGER,
    outcome      TEXT    NOT NULL,
    resumes      TEXT,
    before_state TEXT    NOT NULL,
    shown        TEXT    NOT NULL,
    definition   TEXT    NOT NULL,
    sealed       BLOB,
    error        TEXT,
    UNIQUE (stack_id, number),
    CHECK ((outcome = 'running') = (ended_at IS NULL))
) STRICT;
INSERT INTO "applies" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51','01a22d7a-552b-7220-9e11-89784912731b',1,'@@engine@@',NULL,'upgrade','vm',16690,'up',1796059324783,1796059325379,1796059325380,'succeeded',NULL,'{"store":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1","stack":"01a22d7a-552b-7220-9e11-89784912731b","containers":[],"networks":[],"wanted":{"db":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-infra-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-infra-db-data","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-infra-net","after":[]},{"instance":"db","what":"create volume devarch-upg-infra-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-infra-db","after":[0,1]},{"instance":"db","what":"start","after":[2]},{"instance":null,"what":"see that everything still runs","after":[3]}]}','{"enabled":true,"file":{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}},"templates":{"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}},"pins":{"db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3','01a22d7a-54f7-71ac-a80d-da9047e2fb72',1,'@@engine@@',NULL,'upgrade','vm',17305,'up',1796059329972,1796059331991,1796059331992,'succeeded',NULL,'{"store":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1","stack":"01a22d7a-54f7-71ac-a80d-da9047e2fb72","containers":[],"networks":[],"wanted":{"api":[],"db":[],"web":["db"],"worker":["db"]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-shop-api.upg-infra-db","reason":"links api to upg-infra/db"},{"sign":"+","subject":"network devarch-upg-shop-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-db-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-cache","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-pages","reason":"is not there"},{"sign":"+","subject":"api","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"},{"sign":"+","subject":"worker","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-shop-net","after":[]},{"instance":"api","what":"create container devarch-upg-shop-api","after":[0]},{"instance":"api","what":"create network devarch-upg-shop-api.upg-infra-db","after":[]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[1,2]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[2]},{"instance":"api","what":"see that upg-infra/db has login api_db_47e2fb72","after":[]},{"instance":"api","what":"start","after":[3,4,5]},{"instance":"db","what":"create volume devarch-upg-shop-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-shop-db","after":[0,7]},{"instance":"db","what":"start","after":[8]},{"instance":"web","what":"create volume devarch-upg-shop-web-cache","after":[]},{"instance":"web","what":"create volume devarch-upg-shop-web-pages","after":[]},{"instance":"web","what":"create container devarch-upg-shop-web","after":[0,10,11]},{"instance":"web","what":"put 2 config file(s)","after":[12]},{"instance":"web","what":"start","after":[9,13]},{"instance":"web","what":"wait until it is healthy","after":[14],"proves_health":true},{"instance":"worker","what":"create container devarch-upg-shop-worker","after":[0]},{"instance":"worker","what":"start","after":[9,16]},{"instance":null,"what":"see that everything still runs","after":[6,15,17]}]}','{"enabled":true,"file":{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}},"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]},"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af":{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}},"pins":{"api":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af","db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","worker":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7','01a22d7a-8158-7747-ad2a-5e42596f317f',1,'@@engine@@',NULL,'upgrade','vm',18876,'up',1796059335863,1796059336635,1796059336646,'succeeded',NULL,'{"store":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1","stack":"01a22d7a-8158-7747-ad2a-5e42596f317f","containers":[],"networks":[],"wanted":{"left":[],"web":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-edit-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-left-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-web-data","reason":"is not there"},{"sign":"+","subject":"left","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-edit-net","after":[]},{"instance":"left","what":"create volume devarch-upg-edit-left-data","after":[]},{"instance":"left","what":"create container devarch-upg-edit-left","after":[0,1]},{"instance":"left","what":"start","after":[2]},{"instance":"web","what":"create volume devarch-upg-edit-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-edit-web","after":[0,4]},{"instance":"web","what":"start","after":[5]},{"instance":null,"what":"see that everything still runs","after":[3,6]}]}','{"enabled":true,"file":{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"left":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7','01a22d7a-93e7-70e5-b1d8-b417d885e73a',1,'@@engine@@',NULL,'upgrade','vm',19658,'up',1796059340469,1796059341922,1796059341923,'succeeded',NULL,'{"store":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1","stack":"01a22d7a-93e7-70e5-b1d8-b417d885e73a","containers":[],"networks":[],"wanted":{"late":["web"],"web":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-half-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-half-web-data","reason":"is not there"},{"sign":"+","subject":"late","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-half-net","after":[]},{"instance":"web","what":"create volume devarch-upg-half-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-half-web","after":[0,1]},{"instance":"web","what":"start","after":[2]},{"instance":"web","what":"wait until it is healthy","after":[3],"proves_health":true},{"instance":"late","what":"create container devarch-upg-half-late","after":[0]},{"instance":"late","what":"start","after":[4,5]},{"instance":null,"what":"see that everything still runs","after":[6]}]}','{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663','01a22d7a-93e7-70e5-b1d8-b417d885e73a',2,'@@engine@@',NULL,'upgrade','vm',21722,'apply',1796059354120,NULL,NULL,'running',NULL,'{"store":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1","stack":"01a22d7a-93e7-70e5-b1d8-b417d885e73a","containers":[{"id":"@@container:devarch-upg-half-late@@","name":"devarch-upg-half-late","instance":"late","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.74.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}},"readiness":"running"},{"id":"@@container:devarch-upg-half-web.old@@","name":"devarch-upg-half-web","instance":"web","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]},"depends_on":{},"readiness":{"healthy":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}],"networks":["devarch-upg-half-net"],"wanted":{"late":["web"],"web":[]}}','{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"}],"steps":[{"instance":"web","what":"create container devarch-upg-half-web.next","after":[]},{"instance":"web","what":"stop","after":[0],"stops":"@@container:devarch-upg-half-web.old@@"},{"instance":"web","what":"rename to devarch-upg-half-web.old","after":[0,1]},{"instance":"web","what":"rename to devarch-upg-half-web","after":[2]},{"instance":"web","what":"start","after":[1,3]},{"instance":"web","what":"wait until it is healthy","after":[4],"proves_health":true},{"instance":"web","what":"remove container devarch-upg-half-web.old","after":[5]}]}','{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
CREATE TABLE apply_steps (
    apply_id TEXT    NOT NULL REFERENCES applies (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    ended_at INTEGER,
    error    TEXT,
    PRIMARY KEY (apply_id, at)
) STRICT;
INSERT INTO "apply_steps" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51',0,1796059324783,1796059324786,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51',1,1796059324784,1796059324797,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51',2,1796059324797,1796059324846,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51',3,1796059324846,1796059325109,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-616f-7480-a4e8-cf252e4d2b51',4,1796059325110,1796059325379,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',0,1796059329973,1796059329982,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',2,1796059329973,1796059329977,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',11,1796059329973,1796059330002,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',7,1796059329973,1796059330008,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',5,1796059329973,1796059330471,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',4,1796059329977,1796059330164,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',10,1796059329973,1796059330010,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',16,1796059329982,1796059330117,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',1,1796059329982,1796059330070,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',8,1796059330008,1796059330202,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',12,1796059330010,1796059330226,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',3,1796059330071,1796059330166,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',9,1796059330202,1796059330759,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',13,1796059330227,1796059330486,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',6,1796059330471,1796059330759,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',14,1796059330760,1796059331383,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',17,1796059330760,1796059331348,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',15,1796059331383,1796059331656,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-75b4-738f-a1ce-174c127a03d3',18,1796059331656,1796059331852,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',0,1796059335864,1796059335867,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',1,1796059335864,1796059335871,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',2,1796059335871,1796059335933,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',4,1796059335864,1796059335884,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',5,1796059335884,1796059336043,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',3,1796059335935,1796059336390,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',6,1796059336043,1796059336397,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-8cb7-7105-8d8a-38bb516162a7',7,1796059336397,1796059336635,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',0,1796059340470,1796059340473,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',1,1796059340470,1796059340503,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',5,1796059340473,1796059340667,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',2,1796059340503,1796059340727,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',3,1796059340728,1796059340953,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',4,1796059340953,1796059341268,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',6,1796059341269,1796059341683,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-9eb5-73f0-9eea-545a6f29f5f7',7,1796059341684,1796059341922,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',0,1796059354120,1796059354142,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',1,1796059354143,1796059354505,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',2,1796059354505,1796059354528,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',3,1796059354528,1796059354533,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',4,1796059354533,1796059354822,NULL);
INSERT INTO "apply_steps" VALUES('01a22d7a-d408-77cd-90cc-2dfc4b5e7663',5,1796059354823,NULL,NULL);
CREATE TABLE identity (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id TEXT    NOT NULL,
    key_id   BLOB    NOT NULL CHECK (length(key_id) = 8),
    hash_key BLOB    NOT NULL
) STRICT;
INSERT INTO "identity" VALUES(1,'01a22d7a-54d3-71ed-861a-6e1706f1cbd1',X'D71A87FBC44DD843',X'01D71A87FBC44DD84367AC658E3C751815D70426512999998BFA9F4A53B8CF29F34547D8A0EB672BAB699F3444E7291B960CA89B586F8A121BD27DD8C7A5401471DDCB1804');
CREATE TABLE instances (
    id             TEXT    NOT NULL PRIMARY KEY,
    stack_id       TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    container_name TEXT    NOT NULL UNIQUE,
    template       TEXT    NOT NULL REFERENCES templates (digest),
    overrides      TEXT    NOT NULL,
    sealed         BLOB,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    wanted         TEXT    NOT NULL,
    slot           INTEGER NOT NULL,
    UNIQUE (stack_id, name),
    UNIQUE (stack_id, slot)
) STRICT;
INSERT INTO "instances" VALUES('01a22d7a-54f7-71ac-a80d-da91bd82b9c6','01a22d7a-54f7-71ac-a80d-da9047e2fb72','api','devarch-upg-shop-api','sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af','{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d7a-54f7-71ac-a80d-da924346fe67','01a22d7a-54f7-71ac-a80d-da9047e2fb72','db','devarch-upg-shop-db','sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13','{}',NULL,1,'running',1);
INSERT INTO "instances" VALUES('01a22d7a-54f7-71ac-a80d-da935a0cf984','01a22d7a-54f7-71ac-a80d-da9047e2fb72','web','devarch-upg-shop-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}',NULL,1,'running',2);
INSERT INTO "instances" VALUES('01a22d7a-54f7-71ac-a80d-da94beee160b','01a22d7a-54f7-71ac-a80d-da9047e2fb72','worker','devarch-upg-shop-worker','sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af','{}',NULL,1,'running',3);
INSERT INTO "instances" VALUES('01a22d7a-552b-7220-9e11-89798167cea4','01a22d7a-552b-7220-9e11-89784912731b','db','devarch-upg-infra-db','sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13','{}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d7a-8158-7747-ad2a-5e44d1932026','01a22d7a-8158-7747-ad2a-5e42596f317f','web','devarch-upg-edit-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}],"environment_add":{"EDITED":"yes"}}',NULL,1,'running',1);
INSERT INTO "instances" VALUES('01a22d7a-93e7-70e5-b1d8-b418fb679bd6','01a22d7a-93e7-70e5-b1d8-b417d885e73a','late','devarch-upg-half-late','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"depends_on":{"web":{"condition":"ready","required":true}}}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d7a-93e7-70e5-b1d8-b41917ef20da','01a22d7a-93e7-70e5-b1d8-b417d885e73a','web','devarch-upg-half-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}',NULL,1,'running',1);
CREATE TABLE kept_volumes (
    engine_id     TEXT    NOT NULL,
    physical_name TEXT    NOT NULL,
    stack_id      TEXT    NOT NULL,
    stack_name    TEXT    NOT NULL,
    instance_id   TEXT    NOT NULL,
    instance_name TEXT    NOT NULL,
    volume        TEXT    NOT NULL,
    deleted_at    INTEGER NOT NULL,
    PRIMARY KEY (engine_id, physical_name)
) STRICT;
INSERT INTO "kept_volumes" VALUES('@@engine@@','devarch-upg-edit-left-data','01a22d7a-8158-7747-ad2a-5e42596f317f','upg-edit','01a22d7a-8158-7747-ad2a-5e43a2185f99','left','data',1796059346855);
INSERT INTO "kept_volumes" VALUES('@@engine@@','devarch-upg-gone-db-data','01a22d7a-a81e-72de-98bb-af2046e11b93','upg-gone','01a22d7a-a81e-72de-98bb-af2145860bf5','db','data',1796059351844);
CREATE TABLE locks (
    stack_id    TEXT    NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    fence       INTEGER NOT NULL,
    holder      TEXT,
    operation   TEXT    NOT NULL,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    lease_plan  TEXT,
    lease_until INTEGER,
    raised_user TEXT,
    raised_host TEXT,
    raised_pid  INTEGER,
    CHECK ((lease_plan IS NULL) = (lease_until IS NULL))
) STRICT;
INSERT INTO "locks" VALUES('01a22d7a-552b-7220-9e11-89784912731b',1,NULL,'up','upgrade','vm',17305,1796059327946,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72',1,NULL,'up','upgrade','vm',17305,1796059327925,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d7a-8158-7747-ad2a-5e42596f317f',1,NULL,'up','upgrade','vm',18876,1796059334823,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d7a-93e7-70e5-b1d8-b417d885e73a',1,'7f18ae8a-4364-41fb-87ba-e3771c129119','apply','upgrade','vm',21722,1796059352505,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE plans (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    request     TEXT    NOT NULL,
    assumed     TEXT    NOT NULL,
    shown       TEXT    NOT NULL,
    applied_by  TEXT
) STRICT;
INSERT INTO "plans" VALUES('plan_01a22d7ae1a970d8a0606651cdae9ea5','01a22d7a-8158-7747-ad2a-5e42596f317f','upgrade','vm',22245,1796059357609,@@expires@@,'{"replace":[],"restart":[],"prove":false,"reuse_volumes":false,"adopt_volumes":false,"snapshot":false,"images":{"pull":null,"build":false},"wanted":null}','{"container devarch-upg-edit-left":"running","container devarch-upg-edit-left: config":"1:81ad3ace837a824db1df0488a7411ea9d167e6c06b69f162ef239f5c409516f6","container devarch-upg-edit-left: id":"@@container:devarch-upg-edit-left@@","container devarch-upg-edit-left: image":"@@image:busybox:1.37@@","container devarch-upg-edit-left: networks":"devarch-upg-edit-net","container devarch-upg-edit-web":"running","container devarch-upg-edit-web: config":"1:6be883263542232b46b25f716baa1b638b4b6e379b1ef0428354224ec82a47ad","container devarch-upg-edit-web: id":"@@container:devarch-upg-edit-web@@","container devarch-upg-edit-web: image":"@@image:busybox:1.37@@","container devarch-upg-edit-web: networks":"devarch-upg-edit-net","engine: id":"@@engine@@","engine: kind":"podman","image busybox:1.37":"@@image:busybox:1.37@@","instance web":"wanted running","instance web: config":"1:39fa934f1e77d4389a3a87f6652af6be3af77a0a00f9864c33bcd948841c59f3","instance web: dependencies":"none","instance web: template":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","network devarch-upg-edit-net":"@@network:devarch-upg-edit-net@@","port 127.0.0.1:28186/tcp":"free","stack: allow":"none","stack: enabled":"yes","stack: name":"upg-edit","stack: network":"devarch-upg-edit-net 10.211.90.128/26","stack: revision":"2","volume devarch-upg-edit-left-data":"there","volume devarch-upg-edit-left-data: owner":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1/01a22d7a-8158-7747-ad2a-5e42596f317f/01a22d7a-8158-7747-ad2a-5e43a2185f99","volume devarch-upg-edit-web-data":"there","volume devarch-upg-edit-web-data: owner":"01a22d7a-54d3-71ed-861a-6e1706f1cbd1/01a22d7a-8158-7747-ad2a-5e42596f317f/01a22d7a-8158-7747-ad2a-5e44d1932026"}','{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"},{"sign":"-","subject":"container devarch-upg-edit-left","reason":"no instance of the stack has it"}],"steps":[{"instance":null,"what":"stop","after":[],"stops":"@@container:devarch-upg-edit-left@@"},{"instance":"web","what":"create container devarch-upg-edit-web.next","after":[]},{"instance":"web","what":"stop","after":[1],"stops":"@@container:devarch-upg-edit-web@@"},{"instance":"web","what":"rename to devarch-upg-edit-web.old","after":[1,2]},{"instance":"web","what":"rename to devarch-upg-edit-web","after":[3]},{"instance":"web","what":"start","after":[2,4]},{"instance":null,"what":"see that everything still runs","after":[0,5]},{"instance":null,"what":"remove container devarch-upg-edit-left","after":[6]},{"instance":"web","what":"remove container devarch-upg-edit-web.old","after":[6]}]}',NULL);
CREATE TABLE ports (
    instance_id TEXT    NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    target      INTEGER NOT NULL,
    protocol    TEXT    NOT NULL,
    host_ip     TEXT    NOT NULL,
    host_port   INTEGER NOT NULL,
    PRIMARY KEY (instance_id, host, target, protocol),
    UNIQUE (host, host_ip, host_port, protocol)
) STRICT;
INSERT INTO "ports" VALUES('01a22d7a-54f7-71ac-a80d-da935a0cf984','@@host@@',80,'tcp','127.0.0.1',28143);
INSERT INTO "ports" VALUES('01a22d7a-54f7-71ac-a80d-da935a0cf984','@@host@@',9000,'udp','127.0.0.1',28102);
INSERT INTO "ports" VALUES('01a22d7a-8158-7747-ad2a-5e44d1932026','@@host@@',80,'tcp','127.0.0.1',28186);
CREATE TABLE secrets (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id TEXT    REFERENCES instances (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;
INSERT INTO "secrets" VALUES('01a22d7a-54f7-71ac-a80d-da956982ab4c','01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da91bd82b9c6','own db api_db',X'01D71A87FBC44DD8436F89DAAEF713F7257D9A1137AD7786F2B9EABA50F4BEF490B4036A13EC7ED1468485CB7B68D3E341DEE606B9CDF45E07E61A139C643BBE24DA38F2E7',1796059321591);
INSERT INTO "secrets" VALUES('01a22d7a-54f7-71ac-a80d-da96ce73dd31','01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da924346fe67','ADMIN_PASSWORD',X'01D71A87FBC44DD84384BBD6ED3586D23BCFEE0BFD6B7F6D9EB343F1B171D7DEDC8EA3B708153166C1D205D38DD25A84A6B1BDA0D73266A7AED734EEB4',1796059321591);
INSERT INTO "secrets" VALUES('01a22d7a-54f7-71ac-a80d-da97f318f831','01a22d7a-54f7-71ac-a80d-da9047e2fb72','01a22d7a-54f7-71ac-a80d-da935a0cf984','SESSION_KEY',X'01D71A87FBC44DD843420C5E87735F20B8DB6D65BD0E77ADB324A8E2B95D0B6B60B4EAE5C7EC2CD995B89712A96F1B774FE418EB16',1796059321591);
INSERT INTO "secrets" VALUES('01a22d7a-54fd-7778-bf90-2ab1d79115ec','01a22d7a-54f7-71ac-a80d-da9047e2fb72',NULL,'API_TOKEN',X'01D71A87FBC44DD843708D6FE070979D66DF22C2F1AB88CEBC4110AEC71E56252839572F98F27F471FB06B41812D4ED89617D765F9792EE52C7F1387FEDDD446EA',1796059321597);
INSERT INTO "secrets" VALUES('01a22d7a-552b-7220-9e11-897af7e9793e','01a22d7a-552b-7220-9e11-89784912731b','01a22d7a-552b-7220-9e11-89798167cea4','ADMIN_PASSWORD',X'01D71A87FBC44DD843166F39152A70E2DB8F7F1F2DEFD869BB0C30A2E04199E6E732C6EAEEC4E6D1C36AF4F2C097F79005E89B89AC2A5C5326E1B92ACC',1796059321643);
CREATE TABLE stacks (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    project         TEXT,
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    revision        INTEGER NOT NULL,
    allowed         TEXT    NOT NULL,
    imported        TEXT,
    sealed          BLOB,
    host            TEXT,
    engine_kind     TEXT,
    engine_id       TEXT,
    engine_endpoint TEXT,
    subnet          TEXT,
    UNIQUE (host, subnet)
) STRICT;
INSERT INTO "stacks" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','upg-shop','@@project@@',1,1,'','{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}}',NULL,'@@host@@','podman','@@engine@@','@@endpoint@@','10.211.77.128/26');
INSERT INTO "stacks" VALUES('01a22d7a-552b-7220-9e11-89784912731b','upg-infra','@@project@@',1,0,'','{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}}',NULL,'@@host@@','podman','@@engine@@','@@endpoint@@','10.211.120.128/26');
INSERT INTO "stacks" VALUES('01a22d7a-8158-7747-ad2a-5e42596f317f','upg-edit','@@project@@',1,2,'','{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}}',NULL,'@@host@@','podman','@@engine@@','@@endpoint@@','10.211.90.128/26');
INSERT INTO "stacks" VALUES('01a22d7a-93e7-70e5-b1d8-b417d885e73a','upg-half','@@project@@',1,1,'','{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}}',NULL,'@@host@@','podman','@@engine@@','@@endpoint@@','10.211.74.128/26');
CREATE TABLE templates (
    digest TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,
    sealed BLOB
) STRICT;
INSERT INTO "templates" VALUES('sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','box','{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}',NULL);
INSERT INTO "templates" VALUES('sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13','server','{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}',NULL);
INSERT INTO "templates" VALUES('sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af','client','{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}',NULL);
CREATE TABLE volumes (
    instance_id   TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    physical_name TEXT NOT NULL UNIQUE,
    PRIMARY KEY (instance_id, name)
) STRICT;
INSERT INTO "volumes" VALUES('01a22d7a-54f7-71ac-a80d-da924346fe67','data','devarch-upg-shop-db-data');
INSERT INTO "volumes" VALUES('01a22d7a-54f7-71ac-a80d-da935a0cf984','cache','devarch-upg-shop-web-cache');
INSERT INTO "volumes" VALUES('01a22d7a-54f7-71ac-a80d-da935a0cf984','pages','devarch-upg-shop-web-pages');
INSERT INTO "volumes" VALUES('01a22d7a-552b-7220-9e11-89798167cea4','data','devarch-upg-infra-db-data');
INSERT INTO "volumes" VALUES('01a22d7a-8158-7747-ad2a-5e44d1932026','data','devarch-upg-edit-web-data');
INSERT INTO "volumes" VALUES('01a22d7a-93e7-70e5-b1d8-b41917ef20da','data','devarch-upg-half-web-data');
CREATE TABLE wirings (
    stack_id TEXT NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    said     TEXT NOT NULL,
    sealed   BLOB
) STRICT;
INSERT INTO "wirings" VALUES('01a22d7a-54f7-71ac-a80d-da9047e2fb72','{"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}]}',NULL);
CREATE INDEX instances_template ON instances (template);
CREATE UNIQUE INDEX secrets_name ON secrets (stack_id, coalesce(instance_id, ''), name);
CREATE INDEX secrets_instance ON secrets (instance_id);
CREATE INDEX plans_stack ON plans (stack_id);
COMMIT;
