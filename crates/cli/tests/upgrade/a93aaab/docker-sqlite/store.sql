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
INSERT INTO "_sqlx_migrations" VALUES(1,'stacks','2026-11-30 17:21:07',1,X'22DCAE7BA71FE8095DD96A7EAD1B9B6525320B211B2674DB593E6371F411AF700BA0457F537A77D65613975BE6FE4605',3887308);
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
INSERT INTO "applied" VALUES('01a22d79-80d9-725f-b852-46475d707f37','01a22d79-80d9-725f-b852-4648ad398035','1:be8d47312a05f15489814368cffb2bad1553f5c3dbef92a6d542afa0a07fca6f',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-infra-db-data"}],"network":{"name":"devarch-upg-infra-net","address":"10.211.56.130","aliases":["db"]}}',X'016DFCCC3454F3F0C87162845D0EF510014BA055B0904896D8A80495161365B8B05C06E3EC4A2439EBF80A3E1913714DB5F14D6CBC1CB34DEBFD564925ABD3C871FA894993562C19045B2E50A295BE44166F8631C5BE625D3F17B9957022','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a679b4982582','1:45e187d229dccb7252a1fe544346e496aba4830a4ed49c38a0ab3bc78dc51a5d',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-shop-db-data"}],"network":{"name":"devarch-upg-shop-net","address":"10.211.13.131","aliases":["db"]}}',X'016DFCCC3454F3F0C813EAF4C9E0AD3ED08D89BD40FA5EEDCDD65D309010837DC4F9BB30FFD6DE8A14E179366318399D195CCA86E9FBE771D9148D5B664BCD713E486EE3BB7590C1BA8DE0E53C517DF2F83DC8598A1BBC3585BA7B3274B2','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a67a1240ec50','1:0413d25ead5c83aea6eab3151a198143cea10ac5343775be48868e2fcb9085c0',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"API_TOKEN":"[REDACTED]","PLAIN":"as it is","SESSION_KEY":"[REDACTED]"},"ports":{"80/tcp":"127.0.0.1:28093->80","9000/udp":"127.0.0.1:28029->9000/udp"},"mounts":[{"target":"/cache","volume":"devarch-upg-shop-web-cache"},{"target":"/pages","volume":"devarch-upg-shop-web-pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"config_files":{"/etc/inline.conf":{"content":"[REDACTED]","mode":"0440","owner":"0:0"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n","mode":"0644","owner":"0:0"}},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.132","aliases":["web"]},"depends_on":{"db":{"condition":"ready","required":true}}}',X'016DFCCC3454F3F0C89A152242EEEA9D29474A815DDD9DA776D525D4951368B1E3C1A8ABA352FB2AE8652A6ABBDADDE6F1DEEA0EFC16789FCF6DC1B4449A86A371D74C8F522EB95DF0A0BEB46229CFAC119C6FF442F8557FB018BB7D793C05FA487CB5D7A4E6E5B892AAB25F3DAF8E328FD295741A90020C91E342D17610620835A426EF4E07FB665A610D7CD49AAD7AB5D8EA26D4DC6421A609AFB9D86FF50A8CA7D857D17CF9E6F93F88A3DEEFC5C56A9FF45BB864784CB42E62DA330BF6EAFC2C342768626199187748747C342D44613E0E','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a67864d0c8f5','1:48f14feac6f21eee7b48798e7bcdab6e6f1c318ba4e46b785876e87b9eae9a14',1,'@@engine@@',1,'{"image":"devarch-upg-shop-api:latest","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"api","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"api_db_21427ac0","DB_HOST":"devarch-upg-infra-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"api_db_21427ac0"},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.130","aliases":["api"]},"wires":{"db":"upg-infra/db.db"}}',X'016DFCCC3454F3F0C86F9CC50DCF294BE13B55E4F12998A4A52FA68BE72EF7B293180054200421C42B8FC79C00F1B4002C7F2293749D2D14B2BCA5EEAC1521A80DA224A1E69BC4C318E43C5A7421A8E7C5DD3132F1B2809A45D42112EDE314845A5A596F318EA5B46DB61AEE74874102992F6CF9379832000841F7BAD79D9D78F9392F47F82608F740FF054010EE0FC606B375EC4947020F86E306DE9BBB16F6696EA46FEB05256D9EBFFC3257A6D1301F2A6C061D418E555D06C8BA201424DC054A6CDCB316C75031A80845B70CB9E67AC6521B58693E3352B11BD8C0FFDEF6','@@image:devarch-upg-shop-api:latest@@','made');
INSERT INTO "applied" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a67b584b890a','1:4dc32c961e51646f3403ae84f2e03710a8cccfa4b58eb9bc93073ac1b83de004',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"worker","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"main","DB_HOST":"devarch-upg-shop-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"admin"},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.133","aliases":["worker"]},"depends_on":{"db":{"condition":"ready","required":true}},"wires":{"db":"db.db"}}',X'016DFCCC3454F3F0C82AB4CDB7ABCFEF8B5B67FADE6CF89F5EE95AF68168680B41C84A42889B6847997B0A8AC823389810E959F2D6D3552BCE86315438EE8FF87B9DB5FECD7AEC233A1ED8AAB64AF3308DAC569B21EE46443ABDB1E61603947E088A709498573CB8E36AF0FDDB5694C54E27F8A6098FF46676EFDD82337FE3E6AB53952FCCD76B7C26B66AB37895622E425CEDE1DA23370BE3369EBE493A385BE0D89EF25CFB4BA344C20BFE811CF4D1DC4AC17BA251E102E1C2','@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-91a5-76f5-bc48-27f5bc12bd3c','01a22d79-91a5-76f5-bc48-27f623e06cea','1:8f1edf805ac6957d06bd34b7a6779d4317e05105d05e9b28741b1c32a60af5b1',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"left","restart":"no","stop_grace_period":"5s","mounts":[{"target":"/data","volume":"devarch-upg-edit-left-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.26.130","aliases":["left"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-91a5-76f5-bc48-27f5bc12bd3c','01a22d79-91a5-76f5-bc48-27f7e5eab148','1:7feee91749dc9022194a14b50a087eec91160b36a9bfeb3d8dd3c214cd937544',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","ports":{"80/tcp":"127.0.0.1:28006->80"},"mounts":[{"target":"/data","volume":"devarch-upg-edit-web-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.26.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-9a23-7426-848f-4c17e2825cd7','01a22d79-9a23-7426-848f-4c1909dfcbfc','1:6ebbf92a7829da6a332ee857922d612c97b8d1d086d4f62144a55b8db0afea76',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"yes"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-9a23-7426-848f-4c17e2825cd7','01a22d79-9a23-7426-848f-4c18ab8e5e07','1:fbea535f5982e7690048eb43cb0fe476d694a89d9b0ae41573247a6ae8a06ea2',1,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"late","restart":"no","stop_grace_period":"5s","network":{"name":"devarch-upg-half-net","address":"10.211.10.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}}}',NULL,'@@image:busybox:1.37@@','made');
INSERT INTO "applied" VALUES('01a22d79-9a23-7426-848f-4c17e2825cd7','01a22d79-9a23-7426-848f-4c1909dfcbfc','1:d2765d00a4a35128cccf1cc4b34760cb87b30288d4e5e9388f185dacbf6b474b',2,'@@engine@@',1,'{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"no"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]}}',NULL,'@@image:busybox:1.37@@','begun');
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
INSERT INTO "applies" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972','01a22d79-80d9-725f-b852-46475d707f37',1,'@@engine@@',NULL,'upgrade','vm',8512,'up',1796059267384,1796059268379,1796059268379,'succeeded',NULL,'{"store":"01a22d79-80b4-7572-9c11-7cc3f93bec81","stack":"01a22d79-80d9-725f-b852-46475d707f37","containers":[],"networks":[],"wanted":{"db":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-infra-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-infra-db-data","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-infra-net","after":[]},{"instance":"db","what":"create volume devarch-upg-infra-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-infra-db","after":[0,1]},{"instance":"db","what":"start","after":[2]},{"instance":null,"what":"see that everything still runs","after":[3]}]}','{"enabled":true,"file":{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}},"templates":{"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}},"pins":{"db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e','01a22d79-80bb-71ae-85b4-a67721427ac0',1,'@@engine@@',NULL,'upgrade','vm',8734,'up',1796059269327,1796059271520,1796059271521,'succeeded',NULL,'{"store":"01a22d79-80b4-7572-9c11-7cc3f93bec81","stack":"01a22d79-80bb-71ae-85b4-a67721427ac0","containers":[],"networks":[],"wanted":{"api":[],"db":[],"web":["db"],"worker":["db"]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-shop-api.upg-infra-db","reason":"links api to upg-infra/db"},{"sign":"+","subject":"network devarch-upg-shop-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-db-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-cache","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-pages","reason":"is not there"},{"sign":"+","subject":"api","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"},{"sign":"+","subject":"worker","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-shop-net","after":[]},{"instance":"api","what":"create container devarch-upg-shop-api","after":[0]},{"instance":"api","what":"create network devarch-upg-shop-api.upg-infra-db","after":[]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[1,2]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[2]},{"instance":"api","what":"see that upg-infra/db has login api_db_21427ac0","after":[]},{"instance":"api","what":"start","after":[3,4,5]},{"instance":"db","what":"create volume devarch-upg-shop-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-shop-db","after":[0,7]},{"instance":"db","what":"start","after":[8]},{"instance":"web","what":"create volume devarch-upg-shop-web-cache","after":[]},{"instance":"web","what":"create volume devarch-upg-shop-web-pages","after":[]},{"instance":"web","what":"create container devarch-upg-shop-web","after":[0,10,11]},{"instance":"web","what":"put 2 config file(s)","after":[12]},{"instance":"web","what":"start","after":[9,13]},{"instance":"web","what":"wait until it is healthy","after":[14],"proves_health":true},{"instance":"worker","what":"create container devarch-upg-shop-worker","after":[0]},{"instance":"worker","what":"start","after":[9,16]},{"instance":null,"what":"see that everything still runs","after":[6,15,17]}]}','{"enabled":true,"file":{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}},"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]},"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af":{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}},"pins":{"api":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af","db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","worker":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d79-9292-736f-8b05-3d54ad056548','01a22d79-91a5-76f5-bc48-27f5bc12bd3c',1,'@@engine@@',NULL,'upgrade','vm',9530,'up',1796059271826,1796059273697,1796059273712,'succeeded',NULL,'{"store":"01a22d79-80b4-7572-9c11-7cc3f93bec81","stack":"01a22d79-91a5-76f5-bc48-27f5bc12bd3c","containers":[],"networks":[],"wanted":{"left":[],"web":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-edit-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-left-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-web-data","reason":"is not there"},{"sign":"+","subject":"left","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-edit-net","after":[]},{"instance":"left","what":"create volume devarch-upg-edit-left-data","after":[]},{"instance":"left","what":"create container devarch-upg-edit-left","after":[0,1]},{"instance":"left","what":"start","after":[2]},{"instance":"web","what":"create volume devarch-upg-edit-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-edit-web","after":[0,4]},{"instance":"web","what":"start","after":[5]},{"instance":null,"what":"see that everything still runs","after":[3,6]}]}','{"enabled":true,"file":{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"left":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2','01a22d79-9a23-7426-848f-4c17e2825cd7',1,'@@engine@@',NULL,'upgrade','vm',10008,'up',1796059273813,1796059275955,1796059275963,'succeeded',NULL,'{"store":"01a22d79-80b4-7572-9c11-7cc3f93bec81","stack":"01a22d79-9a23-7426-848f-4c17e2825cd7","containers":[],"networks":[],"wanted":{"late":["web"],"web":[]}}','{"changes":[{"sign":"+","subject":"network devarch-upg-half-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-half-web-data","reason":"is not there"},{"sign":"+","subject":"late","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-half-net","after":[]},{"instance":"web","what":"create volume devarch-upg-half-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-half-web","after":[0,1]},{"instance":"web","what":"start","after":[2]},{"instance":"web","what":"wait until it is healthy","after":[3],"proves_health":true},{"instance":"late","what":"create container devarch-upg-half-late","after":[0]},{"instance":"late","what":"start","after":[4,5]},{"instance":null,"what":"see that everything still runs","after":[6]}]}','{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
INSERT INTO "applies" VALUES('01a22d79-adbe-7521-a149-6264eea87f26','01a22d79-9a23-7426-848f-4c17e2825cd7',2,'@@engine@@',NULL,'upgrade','vm',10837,'apply',1796059278782,NULL,NULL,'running',NULL,'{"store":"01a22d79-80b4-7572-9c11-7cc3f93bec81","stack":"01a22d79-9a23-7426-848f-4c17e2825cd7","containers":[{"id":"@@container:devarch-upg-half-late@@","name":"devarch-upg-half-late","instance":"late","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.10.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}},"readiness":"running"},{"id":"@@container:devarch-upg-half-web.old@@","name":"devarch-upg-half-web","instance":"web","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]},"depends_on":{},"readiness":{"healthy":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}],"networks":["devarch-upg-half-net"],"wanted":{"late":["web"],"web":[]}}','{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"}],"steps":[{"instance":"web","what":"create container devarch-upg-half-web.next","after":[]},{"instance":"web","what":"stop","after":[0],"stops":"@@container:devarch-upg-half-web.old@@"},{"instance":"web","what":"rename to devarch-upg-half-web.old","after":[0,1]},{"instance":"web","what":"rename to devarch-upg-half-web","after":[2]},{"instance":"web","what":"start","after":[1,3]},{"instance":"web","what":"wait until it is healthy","after":[4],"proves_health":true},{"instance":"web","what":"remove container devarch-upg-half-web.old","after":[5]}]}','{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}',NULL,NULL);
CREATE TABLE apply_steps (
    apply_id TEXT    NOT NULL REFERENCES applies (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    ended_at INTEGER,
    error    TEXT,
    PRIMARY KEY (apply_id, at)
) STRICT;
INSERT INTO "apply_steps" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972',0,1796059267384,1796059267464,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972',1,1796059267384,1796059267389,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972',2,1796059267465,1796059267655,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972',3,1796059267655,1796059268001,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-8138-77f4-9240-c8a5cd099972',4,1796059268022,1796059268379,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',0,1796059269339,1796059269433,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',10,1796059269339,1796059269375,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',7,1796059269339,1796059269375,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',11,1796059269339,1796059269364,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',2,1796059269339,1796059269515,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',5,1796059269339,1796059269515,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',8,1796059269434,1796059269522,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',12,1796059269434,1796059269483,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',1,1796059269434,1796059269518,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',16,1796059269434,1796059269483,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',13,1796059269485,1796059269618,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',4,1796059269515,1796059269670,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',3,1796059269518,1796059269549,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',9,1796059269522,1796059270331,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',6,1796059269670,1796059270859,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',14,1796059270331,1796059271169,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',17,1796059270331,1796059271169,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',15,1796059271170,1796059271238,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-88cf-73fa-abf1-dfd8625e5e6e',18,1796059271238,1796059271520,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',0,1796059271827,1796059271938,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',4,1796059271827,1796059271855,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',1,1796059271827,1796059271864,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',2,1796059271939,1796059271980,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',5,1796059271939,1796059271979,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',6,1796059271980,1796059273144,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',3,1796059271982,1796059273071,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9292-736f-8b05-3d54ad056548',7,1796059273144,1796059273696,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',0,1796059273814,1796059273905,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',1,1796059273814,1796059273820,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',2,1796059273905,1796059273976,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',5,1796059273905,1796059273975,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',3,1796059273977,1796059274572,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',4,1796059274572,1796059274647,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',6,1796059274651,1796059275331,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-9a55-721f-bf82-2b03619d6ee2',7,1796059275350,1796059275953,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',0,1796059278783,1796059278859,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',1,1796059278859,1796059279119,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',2,1796059279120,1796059279146,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',3,1796059279154,1796059279198,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',4,1796059279199,1796059279814,NULL);
INSERT INTO "apply_steps" VALUES('01a22d79-adbe-7521-a149-6264eea87f26',5,1796059279814,NULL,NULL);
CREATE TABLE identity (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id TEXT    NOT NULL,
    key_id   BLOB    NOT NULL CHECK (length(key_id) = 8),
    hash_key BLOB    NOT NULL
) STRICT;
INSERT INTO "identity" VALUES(1,'01a22d79-80b4-7572-9c11-7cc3f93bec81',X'6DFCCC3454F3F0C8',X'016DFCCC3454F3F0C8CAD41341071CB393987DF0A21EA1FE8AA069DF9287EAA51A2415B9516254C3E4C891704CB6E23C831AA1E1F4194525312061D259AAD6691C240802BF');
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
INSERT INTO "instances" VALUES('01a22d79-80bb-71ae-85b4-a67864d0c8f5','01a22d79-80bb-71ae-85b4-a67721427ac0','api','devarch-upg-shop-api','sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af','{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d79-80bb-71ae-85b4-a679b4982582','01a22d79-80bb-71ae-85b4-a67721427ac0','db','devarch-upg-shop-db','sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13','{}',NULL,1,'running',1);
INSERT INTO "instances" VALUES('01a22d79-80bb-71ae-85b4-a67a1240ec50','01a22d79-80bb-71ae-85b4-a67721427ac0','web','devarch-upg-shop-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}',NULL,1,'running',2);
INSERT INTO "instances" VALUES('01a22d79-80bb-71ae-85b4-a67b584b890a','01a22d79-80bb-71ae-85b4-a67721427ac0','worker','devarch-upg-shop-worker','sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af','{}',NULL,1,'running',3);
INSERT INTO "instances" VALUES('01a22d79-80d9-725f-b852-4648ad398035','01a22d79-80d9-725f-b852-46475d707f37','db','devarch-upg-infra-db','sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13','{}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d79-91a5-76f5-bc48-27f7e5eab148','01a22d79-91a5-76f5-bc48-27f5bc12bd3c','web','devarch-upg-edit-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}],"environment_add":{"EDITED":"yes"}}',NULL,1,'running',1);
INSERT INTO "instances" VALUES('01a22d79-9a23-7426-848f-4c18ab8e5e07','01a22d79-9a23-7426-848f-4c17e2825cd7','late','devarch-upg-half-late','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"depends_on":{"web":{"condition":"ready","required":true}}}',NULL,1,'running',0);
INSERT INTO "instances" VALUES('01a22d79-9a23-7426-848f-4c1909dfcbfc','01a22d79-9a23-7426-848f-4c17e2825cd7','web','devarch-upg-half-web','sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5','{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}',NULL,1,'running',1);
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
INSERT INTO "kept_volumes" VALUES('@@engine@@','devarch-upg-edit-left-data','01a22d79-91a5-76f5-bc48-27f5bc12bd3c','upg-edit','01a22d79-91a5-76f5-bc48-27f623e06cea','left','data',1796059277855);
INSERT INTO "kept_volumes" VALUES('@@engine@@','devarch-upg-gone-db-data','01a22d79-a33f-7574-8cfd-6cab7c70def1','upg-gone','01a22d79-a33f-7574-8cfd-6cac6c222743','db','data',1796059278662);
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
INSERT INTO "locks" VALUES('01a22d79-80d9-725f-b852-46475d707f37',1,NULL,'up','upgrade','vm',8734,1796059269127,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0',1,NULL,'up','upgrade','vm',8734,1796059269097,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d79-91a5-76f5-bc48-27f5bc12bd3c',1,NULL,'up','upgrade','vm',9530,1796059271695,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "locks" VALUES('01a22d79-9a23-7426-848f-4c17e2825cd7',1,'4b649cde-f180-4b34-ba3d-2b1878815700','apply','upgrade','vm',10837,1796059278751,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "plans" VALUES('plan_01a22d79b9cf7480a5d2f2ed41a44622','01a22d79-91a5-76f5-bc48-27f5bc12bd3c','upgrade','vm',11128,1796059281871,@@expires@@,'{"replace":[],"restart":[],"prove":false,"reuse_volumes":false,"adopt_volumes":false,"snapshot":false,"images":{"pull":null,"build":false},"wanted":null}','{"container devarch-upg-edit-left":"running","container devarch-upg-edit-left: config":"1:8f1edf805ac6957d06bd34b7a6779d4317e05105d05e9b28741b1c32a60af5b1","container devarch-upg-edit-left: id":"@@container:devarch-upg-edit-left@@","container devarch-upg-edit-left: image":"@@image:busybox:1.37@@","container devarch-upg-edit-left: networks":"devarch-upg-edit-net","container devarch-upg-edit-web":"running","container devarch-upg-edit-web: config":"1:7feee91749dc9022194a14b50a087eec91160b36a9bfeb3d8dd3c214cd937544","container devarch-upg-edit-web: id":"@@container:devarch-upg-edit-web@@","container devarch-upg-edit-web: image":"@@image:busybox:1.37@@","container devarch-upg-edit-web: networks":"devarch-upg-edit-net","engine: id":"@@engine@@","engine: kind":"docker","image busybox:1.37":"@@image:busybox:1.37@@","instance web":"wanted running","instance web: config":"1:c8f07501975cf50ecfdc696b5023bdaccaeee65be6a54e9b78238348c73baca0","instance web: dependencies":"none","instance web: template":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","network devarch-upg-edit-net":"@@network:devarch-upg-edit-net@@","port 127.0.0.1:28006/tcp":"free","stack: allow":"none","stack: enabled":"yes","stack: name":"upg-edit","stack: network":"devarch-upg-edit-net 10.211.26.128/26","stack: revision":"2","volume devarch-upg-edit-left-data":"there","volume devarch-upg-edit-left-data: owner":"01a22d79-80b4-7572-9c11-7cc3f93bec81/01a22d79-91a5-76f5-bc48-27f5bc12bd3c/01a22d79-91a5-76f5-bc48-27f623e06cea","volume devarch-upg-edit-web-data":"there","volume devarch-upg-edit-web-data: owner":"01a22d79-80b4-7572-9c11-7cc3f93bec81/01a22d79-91a5-76f5-bc48-27f5bc12bd3c/01a22d79-91a5-76f5-bc48-27f7e5eab148"}','{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"},{"sign":"-","subject":"container devarch-upg-edit-left","reason":"no instance of the stack has it"}],"steps":[{"instance":null,"what":"stop","after":[],"stops":"@@container:devarch-upg-edit-left@@"},{"instance":"web","what":"create container devarch-upg-edit-web.next","after":[]},{"instance":"web","what":"stop","after":[1],"stops":"@@container:devarch-upg-edit-web@@"},{"instance":"web","what":"rename to devarch-upg-edit-web.old","after":[1,2]},{"instance":"web","what":"rename to devarch-upg-edit-web","after":[3]},{"instance":"web","what":"start","after":[2,4]},{"instance":null,"what":"see that everything still runs","after":[0,5]},{"instance":null,"what":"remove container devarch-upg-edit-left","after":[6]},{"instance":"web","what":"remove container devarch-upg-edit-web.old","after":[6]}]}',NULL);
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
INSERT INTO "ports" VALUES('01a22d79-80bb-71ae-85b4-a67a1240ec50','@@host@@',80,'tcp','127.0.0.1',28093);
INSERT INTO "ports" VALUES('01a22d79-80bb-71ae-85b4-a67a1240ec50','@@host@@',9000,'udp','127.0.0.1',28029);
INSERT INTO "ports" VALUES('01a22d79-91a5-76f5-bc48-27f7e5eab148','@@host@@',80,'tcp','127.0.0.1',28006);
CREATE TABLE secrets (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id TEXT    REFERENCES instances (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;
INSERT INTO "secrets" VALUES('01a22d79-80bc-75db-bd1c-073ea268bab5','01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a67864d0c8f5','own db api_db',X'016DFCCC3454F3F0C89709EDF82E62D1AFEB2A7C0F477AA38D591EC7329C842F8D7461E8CC2669D92855032CA2C972867CF71F29E16472C14AAC3E57E88276CFBBCEAA8519',1796059267260);
INSERT INTO "secrets" VALUES('01a22d79-80bc-75db-bd1c-073f3c75f773','01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a679b4982582','ADMIN_PASSWORD',X'016DFCCC3454F3F0C86ACC0030612B2E8ED5A0E85D29E48F279637CB516CD10410E89D681ADBED616066A99C16958439E33944FECCAD377930DDA40E4E',1796059267260);
INSERT INTO "secrets" VALUES('01a22d79-80bc-75db-bd1c-07400ad6fd07','01a22d79-80bb-71ae-85b4-a67721427ac0','01a22d79-80bb-71ae-85b4-a67a1240ec50','SESSION_KEY',X'016DFCCC3454F3F0C809420B821652FCDDB1D6B243EF866FE882125E4C02DC3E3021097219217E6366477E8EC26E6598A64E96933B',1796059267260);
INSERT INTO "secrets" VALUES('01a22d79-80be-761d-b655-41de41e0e932','01a22d79-80bb-71ae-85b4-a67721427ac0',NULL,'API_TOKEN',X'016DFCCC3454F3F0C8044A24E87C83E907B8B7966B4B7963003C97E553B8EEAE52C1C39974D2A696904C41EAC2BEABBD34B35D1F2A14CDBBE424169E9FB3FD6181',1796059267262);
INSERT INTO "secrets" VALUES('01a22d79-80d9-725f-b852-46497f97e166','01a22d79-80d9-725f-b852-46475d707f37','01a22d79-80d9-725f-b852-4648ad398035','ADMIN_PASSWORD',X'016DFCCC3454F3F0C8B931B943DD644A08BC844D7ADDAC649137D21C89813DDA694D2025A6F10856AD49871C7C420FAA66C56534EAC1945B04306F4C1D',1796059267289);
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
INSERT INTO "stacks" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','upg-shop','@@project@@',1,1,'','{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}}',NULL,'@@host@@','docker','@@engine@@','@@endpoint@@','10.211.13.128/26');
INSERT INTO "stacks" VALUES('01a22d79-80d9-725f-b852-46475d707f37','upg-infra','@@project@@',1,0,'','{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}}',NULL,'@@host@@','docker','@@engine@@','@@endpoint@@','10.211.56.128/26');
INSERT INTO "stacks" VALUES('01a22d79-91a5-76f5-bc48-27f5bc12bd3c','upg-edit','@@project@@',1,2,'','{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}}',NULL,'@@host@@','docker','@@engine@@','@@endpoint@@','10.211.26.128/26');
INSERT INTO "stacks" VALUES('01a22d79-9a23-7426-848f-4c17e2825cd7','upg-half','@@project@@',1,1,'','{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}}',NULL,'@@host@@','docker','@@engine@@','@@endpoint@@','10.211.10.128/26');
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
INSERT INTO "volumes" VALUES('01a22d79-80bb-71ae-85b4-a679b4982582','data','devarch-upg-shop-db-data');
INSERT INTO "volumes" VALUES('01a22d79-80bb-71ae-85b4-a67a1240ec50','cache','devarch-upg-shop-web-cache');
INSERT INTO "volumes" VALUES('01a22d79-80bb-71ae-85b4-a67a1240ec50','pages','devarch-upg-shop-web-pages');
INSERT INTO "volumes" VALUES('01a22d79-80d9-725f-b852-4648ad398035','data','devarch-upg-infra-db-data');
INSERT INTO "volumes" VALUES('01a22d79-91a5-76f5-bc48-27f7e5eab148','data','devarch-upg-edit-web-data');
INSERT INTO "volumes" VALUES('01a22d79-9a23-7426-848f-4c1909dfcbfc','data','devarch-upg-half-web-data');
CREATE TABLE wirings (
    stack_id TEXT NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    said     TEXT NOT NULL,
    sealed   BLOB
) STRICT;
INSERT INTO "wirings" VALUES('01a22d79-80bb-71ae-85b4-a67721427ac0','{"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}]}',NULL);
CREATE INDEX instances_template ON instances (template);
CREATE UNIQUE INDEX secrets_name ON secrets (stack_id, coalesce(instance_id, ''), name);
CREATE INDEX secrets_instance ON secrets (instance_id);
CREATE INDEX plans_stack ON plans (stack_id);
COMMIT;
