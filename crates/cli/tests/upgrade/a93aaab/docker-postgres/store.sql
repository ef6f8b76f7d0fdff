SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.applied (
    stack_id text NOT NULL,
    instance_id text NOT NULL,
    hash text NOT NULL,
    written bigint NOT NULL,
    engine_id text NOT NULL,
    form bigint NOT NULL,
    spec text NOT NULL,
    sealed bytea,
    image_id text NOT NULL,
    state text NOT NULL
);
CREATE TABLE public.applies (
    id text NOT NULL,
    stack_id text NOT NULL,
    number bigint NOT NULL,
    engine_id text NOT NULL,
    plan_id text,
    author_user text NOT NULL,
    author_host text NOT NULL,
    author_pid bigint NOT NULL,
    command text NOT NULL,
    started_at bigint NOT NULL,
    committed_at bigint,
    ended_at bigint,
    outcome text NOT NULL,
    resumes text,
    before_state text NOT NULL,
    shown text NOT NULL,
    definition text NOT NULL,
    sealed bytea,
    error text,
    CONSTRAINT applies_check CHECK (((outcome = 'running'::text) = (ended_at IS NULL)))
);
CREATE TABLE public.apply_steps (
    apply_id text NOT NULL,
    at bigint NOT NULL,
    begun_at bigint NOT NULL,
    ended_at bigint,
    error text
);
CREATE TABLE public.identity (
    one bigint NOT NULL,
    store_id text NOT NULL,
    key_id bytea NOT NULL,
    hash_key bytea NOT NULL,
    CONSTRAINT identity_key_id_check CHECK ((length(key_id) = 8)),
    CONSTRAINT identity_one_check CHECK ((one = 1))
);
CREATE TABLE public.instances (
    id text NOT NULL,
    stack_id text NOT NULL,
    name text NOT NULL,
    container_name text NOT NULL,
    template text NOT NULL,
    overrides text NOT NULL,
    sealed bytea,
    enabled boolean NOT NULL,
    wanted text NOT NULL,
    slot bigint NOT NULL
);
CREATE TABLE public.kept_volumes (
    engine_id text NOT NULL,
    physical_name text NOT NULL,
    stack_id text NOT NULL,
    stack_name text NOT NULL,
    instance_id text NOT NULL,
    instance_name text NOT NULL,
    volume text NOT NULL,
    deleted_at bigint NOT NULL
);
CREATE TABLE public.locks (
    stack_id text NOT NULL,
    fence bigint NOT NULL,
    holder text,
    operation text NOT NULL,
    author_user text NOT NULL,
    author_host text NOT NULL,
    author_pid bigint NOT NULL,
    since bigint NOT NULL,
    lease_plan text,
    lease_until bigint,
    raised_user text,
    raised_host text,
    raised_pid bigint,
    CONSTRAINT locks_check CHECK (((lease_plan IS NULL) = (lease_until IS NULL)))
);
CREATE TABLE public.plans (
    id text NOT NULL,
    stack_id text NOT NULL,
    author_user text NOT NULL,
    author_host text NOT NULL,
    author_pid bigint NOT NULL,
    made_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    request text NOT NULL,
    assumed text NOT NULL,
    shown text NOT NULL,
    applied_by text
);
CREATE TABLE public.ports (
    instance_id text NOT NULL,
    host text NOT NULL,
    target bigint NOT NULL,
    protocol text NOT NULL,
    host_ip text NOT NULL,
    host_port bigint NOT NULL
);
CREATE TABLE public.secrets (
    id text NOT NULL,
    stack_id text NOT NULL,
    instance_id text,
    name text NOT NULL,
    sealed bytea NOT NULL,
    changed_at bigint NOT NULL
);
CREATE TABLE public.stacks (
    id text NOT NULL,
    name text NOT NULL,
    project text,
    enabled boolean NOT NULL,
    revision bigint NOT NULL,
    allowed text NOT NULL,
    imported text,
    sealed bytea,
    host text,
    engine_kind text,
    engine_id text,
    engine_endpoint text,
    subnet text
);
CREATE TABLE public.templates (
    digest text NOT NULL,
    name text NOT NULL,
    body text NOT NULL,
    sealed bytea
);
CREATE TABLE public.volumes (
    instance_id text NOT NULL,
    name text NOT NULL,
    physical_name text NOT NULL
);
CREATE TABLE public.wirings (
    stack_id text NOT NULL,
    said text NOT NULL,
    sealed bytea
);
INSERT INTO public._sqlx_migrations VALUES (1, 'stacks', '2026-11-30 17:21:30.831605+00', true, '\x06e66306fcfaa2e4c497b1adf0be04753385648844655b8c9fd052cfd58f70276ac08d2d16da386cab048a5ecf89f8fd', 63944052);
INSERT INTO public.applied VALUES ('01a22d79-ddc7-741f-8b76-a84de3a9959c', '01a22d79-ddc7-741f-8b76-a84e5388a91e', '1:d2ea29a193dbd8f156cb9eb33c64ff50059d25b9b3354795111b92912967d3e0', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-infra-db-data"}],"network":{"name":"devarch-upg-infra-net","address":"10.211.56.130","aliases":["db"]}}', '\x014a3059e2b292a6696753e328fe085c705da2245a1219dae0070d2cda909d5b75da9564a5b9257f725df60a4b08e790132c5f04b234e20acb3a0d5ea0818a3f33428ed8a6c2244c42b7ed6b00e61a0f6ab44aaf738efc3e21a1949e31d5', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-2775a2aa1c53', '1:ae495fee329c44db7d548e66229ca862bfe9ca873534aceb2f43dc08bcbae523', 1, '@@engine@@', 1, '{"image":"devarch-upg-shop-api:latest","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"api","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"api_db_a4c0e979","DB_HOST":"devarch-upg-infra-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"api_db_a4c0e979"},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.130","aliases":["api"]},"wires":{"db":"upg-infra/db.db"}}', '\x014a3059e2b292a669e2e079eebc339aec2f574471039307f29115a975a310043b82c03cd686cdcf767f74e870cce2d21ee9b8c3090db586dbc65b082594a6deedfd61082d2ae18558b73a9686db37c35823667babe9b8481054fbb1f1d07a8410ed49974b10999e795bd3ed6bbe0b4e9578702c58f431fbe9f49d9fcfe8ea36d1460a26a2cb69d168e90d639e7cd747def880b37d0c89bbc9ccae77f62db83d9f66b6aee2a4956d2e2c605826db02374a01b76fca56d54e7b6460e0ba664337a3b6617f01cef2d035b58ff991d73befb6b1fd285f1d7020dfe8dcf3ce31d6a8', '@@image:devarch-upg-shop-api:latest@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-2776e537edb9', '1:37fbb5bafe1247e9acaea0702a87e624bd518abf795d36c821b8d36877585e85', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-shop-db-data"}],"network":{"name":"devarch-upg-shop-net","address":"10.211.13.131","aliases":["db"]}}', '\x014a3059e2b292a66943ccc630177bdb83dea7626b8a639e0517db125c83c2fa067f90270dc53d5c3bed52c5e669ce4099a2c75d9ea2a193d80259c918a58732644ca62d00bf3fabb598010f303f62d7567c6088a9a279be1cf91d734d58', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-2778c77fbfd2', '1:5a53a266a02e328978f222b324520f464e932b7b538e7dbb86f81367d04244bb', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"worker","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"main","DB_HOST":"devarch-upg-shop-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"admin"},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.133","aliases":["worker"]},"depends_on":{"db":{"condition":"ready","required":true}},"wires":{"db":"db.db"}}', '\x014a3059e2b292a669485b42f2ef406347ca0cd30268ef9ca98be0b8ffccb6cab5ebb61bc849ac124ceeb0d29477ecc3f8b4ff98ebdf2958177f7458ca866b18d9a7fb1d31196ca251f9dbb41a87260169600b1a7f491e866d26b221667348ee2cb56a0194377e9440c8a1fcdfae09c7a26ed2de29187c93baefc0f6a8b1bca58f0e43802ea2f0688f4ad2529055aa18dd026a93d9bd4fe2dd92740e22a34047946ec228e045fc40b7c7b50c7fe159ae9879d053617747ef1010', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-27779a740bfa', '1:30bbcb1f23520f106fa62f429e18f7bd443c9b1dfe8955a003e933feca04ccbb', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"API_TOKEN":"[REDACTED]","PLAIN":"as it is","SESSION_KEY":"[REDACTED]"},"ports":{"80/tcp":"127.0.0.1:28028->80","9000/udp":"127.0.0.1:28060->9000/udp"},"mounts":[{"target":"/cache","volume":"devarch-upg-shop-web-cache"},{"target":"/pages","volume":"devarch-upg-shop-web-pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"config_files":{"/etc/inline.conf":{"content":"[REDACTED]","mode":"0440","owner":"0:0"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n","mode":"0644","owner":"0:0"}},"network":{"name":"devarch-upg-shop-net","address":"10.211.13.132","aliases":["web"]},"depends_on":{"db":{"condition":"ready","required":true}}}', '\x014a3059e2b292a66993b3af993c837069b909e8d3be3fbfad2de5d5e5e1a33eaadc31d30c6031b1b76fba31b879ddd971d95c468b2593d7946d9ede41025aedf54aedbae0ff01fcd7ace58fef4f2758b266e5d7489374772db274c2298f2431acb499a050447d7a44c10ac188f03b4941b035af852fc415c843f20618101c47bb2b46e3d91e2565a54142f77894f23eb54d2746490ba517721e88641f03127e8c5fdc39fdc529a2a383fe350b430746fbd1b6e245338b7d8ada13238a4a5a88e2350d1507ff7e363868420d21e838f61cff98', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-f8d4-701a-a4c4-7fccb17bb314', '01a22d79-f8d4-701a-a4c4-7fcd5fde4516', '1:2d4550f7bb0b121dfd3e23cb985f7d9dc91cb322f7e1728e0b1b2786935360b6', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"left","restart":"no","stop_grace_period":"5s","mounts":[{"target":"/data","volume":"devarch-upg-edit-left-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.26.130","aliases":["left"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d79-f8d4-701a-a4c4-7fccb17bb314', '01a22d79-f8d4-701a-a4c4-7fce5c32d3de', '1:becc3647ee92813978527d539b24a7a57cb7a93476ed924d335445ffbd6f9840', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","ports":{"80/tcp":"127.0.0.1:28039->80"},"mounts":[{"target":"/data","volume":"devarch-upg-edit-web-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.26.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7a-00cf-7588-b93a-5b494b072edd', '01a22d7a-00cf-7588-b93a-5b4b0817b142', '1:04aead314c4de86fa7661a36a696ca4be0f866c624bc69b68d9c8e61678e0e4a', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"yes"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7a-00cf-7588-b93a-5b494b072edd', '01a22d7a-00cf-7588-b93a-5b4a50234aa5', '1:48ff43b7d9a4e0c61eea68df1f10c03c154d64df8ed22369c10dba364a496ab2', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"late","restart":"no","stop_grace_period":"5s","network":{"name":"devarch-upg-half-net","address":"10.211.10.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7a-00cf-7588-b93a-5b494b072edd', '01a22d7a-00cf-7588-b93a-5b4b0817b142', '1:9e0a8d9251178f164cd002215b14d6795ed329400e0828863ae01f439f59b187', 2, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"no"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'begun');
INSERT INTO public.applies VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', '01a22d79-dd47-73de-8d63-2774a4c0e979', 1, '@@engine@@', NULL, 'upgrade', 'vm', 12553, 'up', 1796059294475, 1796059297797, 1796059297810, 'succeeded', NULL, '{"store":"01a22d79-dd36-726d-b200-2e6a63c68402","stack":"01a22d79-dd47-73de-8d63-2774a4c0e979","containers":[],"networks":[],"wanted":{"api":[],"db":[],"web":["db"],"worker":["db"]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-shop-api.upg-infra-db","reason":"links api to upg-infra/db"},{"sign":"+","subject":"network devarch-upg-shop-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-db-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-cache","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-pages","reason":"is not there"},{"sign":"+","subject":"api","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"},{"sign":"+","subject":"worker","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-shop-net","after":[]},{"instance":"api","what":"create container devarch-upg-shop-api","after":[0]},{"instance":"api","what":"create network devarch-upg-shop-api.upg-infra-db","after":[]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[1,2]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[2]},{"instance":"api","what":"see that upg-infra/db has login api_db_a4c0e979","after":[]},{"instance":"api","what":"start","after":[3,4,5]},{"instance":"db","what":"create volume devarch-upg-shop-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-shop-db","after":[0,7]},{"instance":"db","what":"start","after":[8]},{"instance":"web","what":"create volume devarch-upg-shop-web-cache","after":[]},{"instance":"web","what":"create volume devarch-upg-shop-web-pages","after":[]},{"instance":"web","what":"create container devarch-upg-shop-web","after":[0,10,11]},{"instance":"web","what":"put 2 config file(s)","after":[12]},{"instance":"web","what":"start","after":[9,13]},{"instance":"web","what":"wait until it is healthy","after":[14],"proves_health":true},{"instance":"worker","what":"create container devarch-upg-shop-worker","after":[0]},{"instance":"worker","what":"start","after":[9,16]},{"instance":null,"what":"see that everything still runs","after":[6,15,17]}]}', '{"enabled":true,"file":{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}},"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]},"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af":{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}},"pins":{"api":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af","db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","worker":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', '01a22d79-ddc7-741f-8b76-a84de3a9959c', 1, '@@engine@@', NULL, 'upgrade', 'vm', 12205, 'up', 1796059291203, 1796059292905, 1796059292906, 'succeeded', NULL, '{"store":"01a22d79-dd36-726d-b200-2e6a63c68402","stack":"01a22d79-ddc7-741f-8b76-a84de3a9959c","containers":[],"networks":[],"wanted":{"db":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-infra-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-infra-db-data","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-infra-net","after":[]},{"instance":"db","what":"create volume devarch-upg-infra-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-infra-db","after":[0,1]},{"instance":"db","what":"start","after":[2]},{"instance":null,"what":"see that everything still runs","after":[3]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}},"templates":{"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}},"pins":{"db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', '01a22d79-f8d4-701a-a4c4-7fccb17bb314', 1, '@@engine@@', NULL, 'upgrade', 'vm', 13508, 'up', 1796059298258, 1796059299929, 1796059299930, 'succeeded', NULL, '{"store":"01a22d79-dd36-726d-b200-2e6a63c68402","stack":"01a22d79-f8d4-701a-a4c4-7fccb17bb314","containers":[],"networks":[],"wanted":{"left":[],"web":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-edit-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-left-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-web-data","reason":"is not there"},{"sign":"+","subject":"left","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-edit-net","after":[]},{"instance":"left","what":"create volume devarch-upg-edit-left-data","after":[]},{"instance":"left","what":"create container devarch-upg-edit-left","after":[0,1]},{"instance":"left","what":"start","after":[2]},{"instance":"web","what":"create volume devarch-upg-edit-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-edit-web","after":[0,4]},{"instance":"web","what":"start","after":[5]},{"instance":null,"what":"see that everything still runs","after":[3,6]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"left":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', '01a22d7a-00cf-7588-b93a-5b494b072edd', 1, '@@engine@@', NULL, 'upgrade', 'vm', 13819, 'up', 1796059300136, 1796059302493, 1796059302574, 'succeeded', NULL, '{"store":"01a22d79-dd36-726d-b200-2e6a63c68402","stack":"01a22d7a-00cf-7588-b93a-5b494b072edd","containers":[],"networks":[],"wanted":{"late":["web"],"web":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-half-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-half-web-data","reason":"is not there"},{"sign":"+","subject":"late","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-half-net","after":[]},{"instance":"web","what":"create volume devarch-upg-half-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-half-web","after":[0,1]},{"instance":"web","what":"start","after":[2]},{"instance":"web","what":"wait until it is healthy","after":[3],"proves_health":true},{"instance":"late","what":"create container devarch-upg-half-late","after":[0]},{"instance":"late","what":"start","after":[4,5]},{"instance":null,"what":"see that everything still runs","after":[6]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', '01a22d7a-00cf-7588-b93a-5b494b072edd', 2, '@@engine@@', NULL, 'upgrade', 'vm', 14796, 'apply', 1796059306314, NULL, NULL, 'running', NULL, '{"store":"01a22d79-dd36-726d-b200-2e6a63c68402","stack":"01a22d7a-00cf-7588-b93a-5b494b072edd","containers":[{"id":"@@container:devarch-upg-half-web.old@@","name":"devarch-upg-half-web","instance":"web","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.10.131","aliases":["web"]},"depends_on":{},"readiness":{"healthy":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}},{"id":"@@container:devarch-upg-half-late@@","name":"devarch-upg-half-late","instance":"late","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.10.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}},"readiness":"running"}],"networks":["devarch-upg-half-net"],"wanted":{"late":["web"],"web":[]}}', '{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"}],"steps":[{"instance":"web","what":"create container devarch-upg-half-web.next","after":[]},{"instance":"web","what":"stop","after":[0],"stops":"@@container:devarch-upg-half-web.old@@"},{"instance":"web","what":"rename to devarch-upg-half-web.old","after":[0,1]},{"instance":"web","what":"rename to devarch-upg-half-web","after":[2]},{"instance":"web","what":"start","after":[1,3]},{"instance":"web","what":"wait until it is healthy","after":[4],"proves_health":true},{"instance":"web","what":"remove container devarch-upg-half-web.old","after":[5]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', 1, 1796059291207, 1796059291270, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', 0, 1796059291207, 1796059291276, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', 2, 1796059291277, 1796059291491, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', 3, 1796059291495, 1796059292199, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-de43-727f-8f99-ec4566ebc941', 4, 1796059292203, 1796059292904, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 11, 1796059294487, 1796059294517, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 10, 1796059294487, 1796059294517, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 0, 1796059294480, 1796059294573, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 7, 1796059294487, 1796059294647, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 12, 1796059294574, 1796059294648, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 16, 1796059294574, 1796059294715, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 5, 1796059294487, 1796059294740, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 1, 1796059294574, 1796059294848, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 2, 1796059294486, 1796059294900, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 8, 1796059294655, 1796059294908, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 3, 1796059294904, 1796059294931, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 13, 1796059294686, 1796059294995, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 4, 1796059294908, 1796059295020, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 9, 1796059294929, 1796059295834, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 6, 1796059295024, 1796059296215, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 17, 1796059295846, 1796059297239, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 14, 1796059295846, 1796059297287, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 15, 1796059297288, 1796059297391, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-eb0b-770d-b91f-d324b860bac5', 18, 1796059297395, 1796059297796, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 1, 1796059298261, 1796059298310, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 4, 1796059298270, 1796059298343, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 0, 1796059298260, 1796059298348, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 2, 1796059298349, 1796059298499, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 5, 1796059298349, 1796059298571, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 3, 1796059298501, 1796059299383, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 6, 1796059298572, 1796059299475, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d79-f9d2-75d1-bf9b-d12e535ccc95', 7, 1796059299479, 1796059299928, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 1, 1796059300138, 1796059300164, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 0, 1796059300138, 1796059300251, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 5, 1796059300260, 1796059300345, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 2, 1796059300260, 1796059300345, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 3, 1796059300354, 1796059300959, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 4, 1796059300979, 1796059301099, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 6, 1796059301101, 1796059301836, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-0128-73fe-a4eb-b8a5d0ef7692', 7, 1796059301867, 1796059302491, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 0, 1796059306377, 1796059306526, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 1, 1796059306527, 1796059306801, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 2, 1796059306803, 1796059306833, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 3, 1796059306843, 1796059306871, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 4, 1796059306872, 1796059307807, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7a-194a-744c-bd8e-2dae37a598b5', 5, 1796059307808, NULL, NULL);
INSERT INTO public.identity VALUES (1, '01a22d79-dd36-726d-b200-2e6a63c68402', '\x4a3059e2b292a669', '\x014a3059e2b292a66932da29e3f10c99938e81077e87d2bd849a46dba5f93e61df76835dd6e7636adee01416560b5c7952827a5c40e8a6fbda5d1c17aef1bbf7acced1a5eb');
INSERT INTO public.instances VALUES ('01a22d79-dd47-73de-8d63-2775a2aa1c53', '01a22d79-dd47-73de-8d63-2774a4c0e979', 'api', 'devarch-upg-shop-api', 'sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', '{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d79-dd47-73de-8d63-2776e537edb9', '01a22d79-dd47-73de-8d63-2774a4c0e979', 'db', 'devarch-upg-shop-db', 'sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', '{}', NULL, true, 'running', 1);
INSERT INTO public.instances VALUES ('01a22d79-dd47-73de-8d63-27779a740bfa', '01a22d79-dd47-73de-8d63-2774a4c0e979', 'web', 'devarch-upg-shop-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}', NULL, true, 'running', 2);
INSERT INTO public.instances VALUES ('01a22d79-dd47-73de-8d63-2778c77fbfd2', '01a22d79-dd47-73de-8d63-2774a4c0e979', 'worker', 'devarch-upg-shop-worker', 'sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', '{}', NULL, true, 'running', 3);
INSERT INTO public.instances VALUES ('01a22d79-ddc7-741f-8b76-a84e5388a91e', '01a22d79-ddc7-741f-8b76-a84de3a9959c', 'db', 'devarch-upg-infra-db', 'sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', '{}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d7a-00cf-7588-b93a-5b4a50234aa5', '01a22d7a-00cf-7588-b93a-5b494b072edd', 'late', 'devarch-upg-half-late', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"depends_on":{"web":{"condition":"ready","required":true}}}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d79-f8d4-701a-a4c4-7fce5c32d3de', '01a22d79-f8d4-701a-a4c4-7fccb17bb314', 'web', 'devarch-upg-edit-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}],"environment_add":{"EDITED":"yes"}}', NULL, true, 'running', 1);
INSERT INTO public.instances VALUES ('01a22d7a-00cf-7588-b93a-5b4b0817b142', '01a22d7a-00cf-7588-b93a-5b494b072edd', 'web', 'devarch-upg-half-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}', NULL, true, 'running', 1);
INSERT INTO public.kept_volumes VALUES ('@@engine@@', 'devarch-upg-edit-left-data', '01a22d79-f8d4-701a-a4c4-7fccb17bb314', 'upg-edit', '01a22d79-f8d4-701a-a4c4-7fcd5fde4516', 'left', 'data', 1796059304801);
INSERT INTO public.kept_volumes VALUES ('@@engine@@', 'devarch-upg-gone-db-data', '01a22d7a-0ba8-76bb-a98f-9c2598559721', 'upg-gone', '01a22d7a-0ba8-76bb-a98f-9c26f985624c', 'db', 'data', 1796059306030);
INSERT INTO public.locks VALUES ('01a22d79-ddc7-741f-8b76-a84de3a9959c', 1, NULL, 'up', 'upgrade', 'vm', 12553, 1796059294119, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', 1, NULL, 'up', 'upgrade', 'vm', 12553, 1796059294051, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d79-f8d4-701a-a4c4-7fccb17bb314', 1, NULL, 'up', 'upgrade', 'vm', 13508, 1796059298157, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d7a-00cf-7588-b93a-5b494b072edd', 1, 'fa0fbef7-cf83-4759-90ac-5b8751bd5dbf', 'apply', 'upgrade', 'vm', 14796, 1796059306189, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.plans VALUES ('plan_01a22d7a277c758883d94c5a4d3ae5fe', '01a22d79-f8d4-701a-a4c4-7fccb17bb314', 'upgrade', 'vm', 15270, 1796059309948, @@expires@@, '{"replace":[],"restart":[],"prove":false,"reuse_volumes":false,"adopt_volumes":false,"snapshot":false,"images":{"pull":null,"build":false},"wanted":null}', '{"container devarch-upg-edit-left":"running","container devarch-upg-edit-left: config":"1:2d4550f7bb0b121dfd3e23cb985f7d9dc91cb322f7e1728e0b1b2786935360b6","container devarch-upg-edit-left: id":"@@container:devarch-upg-edit-left@@","container devarch-upg-edit-left: image":"@@image:busybox:1.37@@","container devarch-upg-edit-left: networks":"devarch-upg-edit-net","container devarch-upg-edit-web":"running","container devarch-upg-edit-web: config":"1:becc3647ee92813978527d539b24a7a57cb7a93476ed924d335445ffbd6f9840","container devarch-upg-edit-web: id":"@@container:devarch-upg-edit-web@@","container devarch-upg-edit-web: image":"@@image:busybox:1.37@@","container devarch-upg-edit-web: networks":"devarch-upg-edit-net","engine: id":"@@engine@@","engine: kind":"docker","image busybox:1.37":"@@image:busybox:1.37@@","instance web":"wanted running","instance web: config":"1:7456f6c2edc39c12e70c2ba3eacd9c490ddbe0f807c3fb603cd5848de791fcd4","instance web: dependencies":"none","instance web: template":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","network devarch-upg-edit-net":"@@network:devarch-upg-edit-net@@","port 127.0.0.1:28039/tcp":"free","stack: allow":"none","stack: enabled":"yes","stack: name":"upg-edit","stack: network":"devarch-upg-edit-net 10.211.26.128/26","stack: revision":"2","volume devarch-upg-edit-left-data":"there","volume devarch-upg-edit-left-data: owner":"01a22d79-dd36-726d-b200-2e6a63c68402/01a22d79-f8d4-701a-a4c4-7fccb17bb314/01a22d79-f8d4-701a-a4c4-7fcd5fde4516","volume devarch-upg-edit-web-data":"there","volume devarch-upg-edit-web-data: owner":"01a22d79-dd36-726d-b200-2e6a63c68402/01a22d79-f8d4-701a-a4c4-7fccb17bb314/01a22d79-f8d4-701a-a4c4-7fce5c32d3de"}', '{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"},{"sign":"-","subject":"container devarch-upg-edit-left","reason":"no instance of the stack has it"}],"steps":[{"instance":null,"what":"stop","after":[],"stops":"@@container:devarch-upg-edit-left@@"},{"instance":"web","what":"create container devarch-upg-edit-web.next","after":[]},{"instance":"web","what":"stop","after":[1],"stops":"@@container:devarch-upg-edit-web@@"},{"instance":"web","what":"rename to devarch-upg-edit-web.old","after":[1,2]},{"instance":"web","what":"rename to devarch-upg-edit-web","after":[3]},{"instance":"web","what":"start","after":[2,4]},{"instance":null,"what":"see that everything still runs","after":[0,5]},{"instance":null,"what":"remove container devarch-upg-edit-left","after":[6]},{"instance":"web","what":"remove container devarch-upg-edit-web.old","after":[6]}]}', NULL);
INSERT INTO public.ports VALUES ('01a22d79-dd47-73de-8d63-27779a740bfa', '@@host@@', 80, 'tcp', '127.0.0.1', 28028);
INSERT INTO public.ports VALUES ('01a22d79-dd47-73de-8d63-27779a740bfa', '@@host@@', 9000, 'udp', '127.0.0.1', 28060);
INSERT INTO public.ports VALUES ('01a22d79-f8d4-701a-a4c4-7fce5c32d3de', '@@host@@', 80, 'tcp', '127.0.0.1', 28039);
INSERT INTO public.secrets VALUES ('01a22d79-dd47-73de-8d63-27791bea2ff2', '01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-2775a2aa1c53', 'own db api_db', '\x014a3059e2b292a66924ae5a792ec10d2b6914202fe8493867174fc2ba87c975fc4e1626c5662297792558f119cb5668f158955ecd311bb6727aafeea7299a6fb1b231cd27', 1796059290951);
INSERT INTO public.secrets VALUES ('01a22d79-dd47-73de-8d63-277a58229197', '01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-2776e537edb9', 'ADMIN_PASSWORD', '\x014a3059e2b292a6691a1f237430b803342337243910f417a64f5fee98535cd35456289b4c3c3343c488956d7e3488022baefad26d71a7ebf1bdeef955', 1796059290951);
INSERT INTO public.secrets VALUES ('01a22d79-dd47-73de-8d63-277b6ff9a422', '01a22d79-dd47-73de-8d63-2774a4c0e979', '01a22d79-dd47-73de-8d63-27779a740bfa', 'SESSION_KEY', '\x014a3059e2b292a669bb6bb1150dd6b79f0b04d5469c99b7b1260cc105fb127102b1b496ab00e3d3ed0d0305deb36b9bb2088a714d', 1796059290951);
INSERT INTO public.secrets VALUES ('01a22d79-dd80-71f6-a678-4655f5acf339', '01a22d79-dd47-73de-8d63-2774a4c0e979', NULL, 'API_TOKEN', '\x014a3059e2b292a669f782c3e75cb8bd9c1c21cbd880c919a4ced57de6d2b4e39f5137720738ffb2d9f9f2552cb7cba9d5d062f007a2cd2d4b9697c92ffa120b26', 1796059291008);
INSERT INTO public.secrets VALUES ('01a22d79-ddc7-741f-8b76-a84f99b223bf', '01a22d79-ddc7-741f-8b76-a84de3a9959c', '01a22d79-ddc7-741f-8b76-a84e5388a91e', 'ADMIN_PASSWORD', '\x014a3059e2b292a669c794fd5aeb998c994f33f97fbad767dbbaf3ca09f8264359ec854050bbf853848027b76d9715a00b9130cdf50b6071f85fad0a07', 1796059291079);
INSERT INTO public.stacks VALUES ('01a22d79-ddc7-741f-8b76-a84de3a9959c', 'upg-infra', '@@project@@', true, 0, '', '{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}}', NULL, '@@host@@', 'docker', '@@engine@@', '@@endpoint@@', '10.211.56.128/26');
INSERT INTO public.stacks VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', 'upg-shop', '@@project@@', true, 1, '', '{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}}', NULL, '@@host@@', 'docker', '@@engine@@', '@@endpoint@@', '10.211.13.128/26');
INSERT INTO public.stacks VALUES ('01a22d7a-00cf-7588-b93a-5b494b072edd', 'upg-half', '@@project@@', true, 1, '', '{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}}', NULL, '@@host@@', 'docker', '@@engine@@', '@@endpoint@@', '10.211.10.128/26');
INSERT INTO public.stacks VALUES ('01a22d79-f8d4-701a-a4c4-7fccb17bb314', 'upg-edit', '@@project@@', true, 2, '', '{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}}', NULL, '@@host@@', 'docker', '@@engine@@', '@@endpoint@@', '10.211.26.128/26');
INSERT INTO public.templates VALUES ('sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', 'box', '{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}', NULL);
INSERT INTO public.templates VALUES ('sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', 'server', '{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}', NULL);
INSERT INTO public.templates VALUES ('sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', 'client', '{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}', NULL);
INSERT INTO public.volumes VALUES ('01a22d79-dd47-73de-8d63-2776e537edb9', 'data', 'devarch-upg-shop-db-data');
INSERT INTO public.volumes VALUES ('01a22d79-dd47-73de-8d63-27779a740bfa', 'cache', 'devarch-upg-shop-web-cache');
INSERT INTO public.volumes VALUES ('01a22d79-dd47-73de-8d63-27779a740bfa', 'pages', 'devarch-upg-shop-web-pages');
INSERT INTO public.volumes VALUES ('01a22d79-ddc7-741f-8b76-a84e5388a91e', 'data', 'devarch-upg-infra-db-data');
INSERT INTO public.volumes VALUES ('01a22d79-f8d4-701a-a4c4-7fce5c32d3de', 'data', 'devarch-upg-edit-web-data');
INSERT INTO public.volumes VALUES ('01a22d7a-00cf-7588-b93a-5b4b0817b142', 'data', 'devarch-upg-half-web-data');
INSERT INTO public.wirings VALUES ('01a22d79-dd47-73de-8d63-2774a4c0e979', '{"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}]}', NULL);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (stack_id, instance_id, hash);
ALTER TABLE ONLY public.applies
    ADD CONSTRAINT applies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.applies
    ADD CONSTRAINT applies_stack_id_number_key UNIQUE (stack_id, number);
ALTER TABLE ONLY public.apply_steps
    ADD CONSTRAINT apply_steps_pkey PRIMARY KEY (apply_id, at);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_container_name_key UNIQUE (container_name);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_stack_id_name_key UNIQUE (stack_id, name);
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_stack_id_slot_key UNIQUE (stack_id, slot);
ALTER TABLE ONLY public.kept_volumes
    ADD CONSTRAINT kept_volumes_pkey PRIMARY KEY (engine_id, physical_name);
ALTER TABLE ONLY public.locks
    ADD CONSTRAINT locks_pkey PRIMARY KEY (stack_id);
ALTER TABLE ONLY public.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ports
    ADD CONSTRAINT ports_host_host_ip_host_port_protocol_key UNIQUE (host, host_ip, host_port, protocol);
ALTER TABLE ONLY public.ports
    ADD CONSTRAINT ports_pkey PRIMARY KEY (instance_id, host, target, protocol);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stacks
    ADD CONSTRAINT stacks_host_subnet_key UNIQUE (host, subnet);
ALTER TABLE ONLY public.stacks
    ADD CONSTRAINT stacks_name_key UNIQUE (name);
ALTER TABLE ONLY public.stacks
    ADD CONSTRAINT stacks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.templates
    ADD CONSTRAINT templates_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.volumes
    ADD CONSTRAINT volumes_physical_name_key UNIQUE (physical_name);
ALTER TABLE ONLY public.volumes
    ADD CONSTRAINT volumes_pkey PRIMARY KEY (instance_id, name);
ALTER TABLE ONLY public.wirings
    ADD CONSTRAINT wirings_pkey PRIMARY KEY (stack_id);
CREATE INDEX instances_template ON public.instances USING btree (template);
CREATE INDEX plans_stack ON public.plans USING btree (stack_id);
CREATE INDEX secrets_instance ON public.secrets USING btree (instance_id);
CREATE UNIQUE INDEX secrets_name ON public.secrets USING btree (stack_id, COALESCE(instance_id, ''::text), name);
ALTER TABLE ONLY public.applied
    ADD CONSTRAINT applied_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.applies
    ADD CONSTRAINT applies_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.apply_steps
    ADD CONSTRAINT apply_steps_apply_id_fkey FOREIGN KEY (apply_id) REFERENCES public.applies(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_template_fkey FOREIGN KEY (template) REFERENCES public.templates(digest);
ALTER TABLE ONLY public.locks
    ADD CONSTRAINT locks_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.plans
    ADD CONSTRAINT plans_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ports
    ADD CONSTRAINT ports_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.volumes
    ADD CONSTRAINT volumes_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.wirings
    ADD CONSTRAINT wirings_stack_id_fkey FOREIGN KEY (stack_id) REFERENCES public.stacks(id) ON DELETE CASCADE;
