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
INSERT INTO public._sqlx_migrations VALUES (1, 'stacks', '2026-11-30 17:22:49.020513+00', true, '\x06e66306fcfaa2e4c497b1adf0be04753385648844655b8c9fd052cfd58f70276ac08d2d16da386cab048a5ecf89f8fd', 83002417);
INSERT INTO public.applied VALUES ('01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', '01a22d7b-0f2b-71df-a43b-3e4e7372bc6b', '1:3657269c686b755db627c098bfdda54e5c01254f1bf475572d3128431335345c', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-infra-db-data"}],"network":{"name":"devarch-upg-infra-net","address":"10.211.120.130","aliases":["db"]}}', '\x01876a36fb39281d6d69abba2eee737bc30f8711434d072aef00393c0ae10b3b634e4345574832750394336f1a2ed044c58440fd896775fedaf682c93720118cb20294c342897325839c2cf6ca25d622cba47cab85f900f01615920c75a4', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-95867d005ae8', '1:8a5125c453427bd184f37806350016cf2450c6b51afaa70dc8fd1200ea4ea502', 1, '@@engine@@', 1, '{"image":"devarch-upg-shop-api:latest","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"api","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"api_db_4f66614a","DB_HOST":"devarch-upg-infra-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"api_db_4f66614a"},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.130","aliases":["api"]},"wires":{"db":"upg-infra/db.db"}}', '\x01876a36fb39281d6daf43e972e50fdc0f17a6389c866d3c7fe352ba92e84cf8e3e8d428e5d4a4626cdc1ab9e0ac7ed4275107a53ad368a718ed0075a9b5141ae018b33e0be48eda802c78f1c6dcdc01c047a6af7150342457c2ed567653cd1ece557e95fdbeee1ebd2cdc7bac660554cc0e06bfe0b9e07d21962cc4402deec5ec655d6c286bce1be65ac37700ed07d44e2cd88d5b46c62d3f93bcc44ff5a799ab4eb89b18a795200b60aaedf2eedd572b99036273e3c73924d615b6c6cc21d3debe7c0f28283831f017d3093ab33e9431bd9590a147064e71ef645bdc3e6e18', '@@image:devarch-upg-shop-api:latest@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-95878b7a106b', '1:4bdcc8d056e3796ff4bab576a4f0b48e65dbf03644af0c84c86ef0bbcd98131e', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"db","restart":"no","stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":"[REDACTED]"},"mounts":[{"target":"/data","volume":"devarch-upg-shop-db-data"}],"network":{"name":"devarch-upg-shop-net","address":"10.211.77.131","aliases":["db"]}}', '\x01876a36fb39281d6d59f9ef4b5b9cb49cf9adb51c4bb671e7d4f0043e9e3b68741edbdd38d75141e32b1c983dcb23dc0d0877fc51f89a99bee456b1f8a76581f519ef0840e743dc80187d8ec6c0f7ea162312beabf1b00c648482f4717c', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-9589fa5969ce', '1:d311e65254d29a761c73f032713faa24a38ad4eee56742a9cb631a36d1f35628', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"worker","restart":"no","stop_grace_period":"5s","environment":{"DB_DATABASE":"main","DB_HOST":"devarch-upg-shop-db","DB_PASSWORD":"[REDACTED]","DB_PORT":"5432","DB_URL":"[REDACTED]","DB_USER":"admin"},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.133","aliases":["worker"]},"depends_on":{"db":{"condition":"ready","required":true}},"wires":{"db":"db.db"}}', '\x01876a36fb39281d6d9792fd8a27e977a864692f779ddd76137706a9ddc8b8a986c2477dede21ab95f1bcc2a1fd996ecbd234c4bfc38ef295ebd6d7cec4df16796eedeca1c12460f5786d0dcb9649e5fe6798236ecf3b2454ab62891aab7cd52b9af326e6f52755af4a281cf790e4056224e1e550088a4375985ef78c2f71023fadfa2888946f4cf1eb7d15051951b0b9073282ca2edc03f2d77feab636e142faaaeaac64914ce02481f6526cd4d89175238a65f7177e88ef7ee', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-9588b05aa60f', '1:fda751201d842c1b880102602ceaffe9276c636b4a66b70e2d1ed2e1b3011590', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"API_TOKEN":"[REDACTED]","PLAIN":"as it is","SESSION_KEY":"[REDACTED]"},"ports":{"80/tcp":"127.0.0.1:28171->80","9000/udp":"127.0.0.1:28170->9000/udp"},"mounts":[{"target":"/cache","volume":"devarch-upg-shop-web-cache"},{"target":"/pages","volume":"devarch-upg-shop-web-pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"config_files":{"/etc/inline.conf":{"content":"[REDACTED]","mode":"0440","owner":"0:0"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n","mode":"0644","owner":"0:0"}},"network":{"name":"devarch-upg-shop-net","address":"10.211.77.132","aliases":["web"]},"depends_on":{"db":{"condition":"ready","required":true}}}', '\x01876a36fb39281d6d1970b4682d5c25ae0bd2299813fc6e3d566f35485cc073e80ff50d29cd7bb7ee77ef0b3a71e2cba28fa40bb4327a147a305baf8b2805737913b82b54764e1f117e6b9cb5f472f39cb3c6832066ddaaa40989ba1f107720075a61c2c3eda70a0d8e101b86d817e6610474aa33d426ea33e243492cfc7f39bfbd2f3036c1235e50d8a1f4445904321e301896b1ac67a102765925905dcd59f53222fcef5a5c790034d14ecf8180719593a96f33cb0aba22264660684e01c869c23ca7affa929e2cd27544f0bae53333e533', '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-3967-7055-9835-1fbf505b96e3', '01a22d7b-3967-7055-9835-1fc0cfe1ede5', '1:a9f632046cfaaa8ee25736da4a521f80d744111d1446bb3d626676ec927f6c91', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"left","restart":"no","stop_grace_period":"5s","mounts":[{"target":"/data","volume":"devarch-upg-edit-left-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.90.130","aliases":["left"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-3967-7055-9835-1fbf505b96e3', '01a22d7b-3967-7055-9835-1fc1f0de51a8', '1:925352f73120951ff2b3ca9eb286b5c248fa1896a34f579d7a6009c853578d0f', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","ports":{"80/tcp":"127.0.0.1:28192->80"},"mounts":[{"target":"/data","volume":"devarch-upg-edit-web-data"}],"network":{"name":"devarch-upg-edit-net","address":"10.211.90.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', '01a22d7b-4b3b-720d-8d68-ec4334ff5e5d', '1:676b458a184a494fcafc392872befd2b2889d54a43c01d38d74f1190c7503969', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"yes"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', '01a22d7b-4b3b-720d-8d68-ec42e70c78df', '1:1fc684aec2856493f8309f32938d46b001e270dac45d62ea2ad48678e884ad27', 1, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"hostname":"late","restart":"no","stop_grace_period":"5s","network":{"name":"devarch-upg-half-net","address":"10.211.74.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}}}', NULL, '@@image:busybox:1.37@@', 'made');
INSERT INTO public.applied VALUES ('01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', '01a22d7b-4b3b-720d-8d68-ec4334ff5e5d', '1:07faa1c38764d7520612c1033e6c394a123590c86bc9c322a437ddaca1638d78', 2, '@@engine@@', 1, '{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"hostname":"web","restart":"no","stop_grace_period":"5s","environment":{"OPEN":"no"},"mounts":[{"target":"/data","volume":"devarch-upg-half-web-data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"network":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]}}', NULL, '@@image:busybox:1.37@@', 'begun');
INSERT INTO public.applies VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', '01a22d7b-0ebc-75ad-9e58-95854f66614a', 1, '@@engine@@', NULL, 'upgrade', 'vm', 23976, 'up', 1796059377059, 1796059378968, 1796059379068, 'succeeded', NULL, '{"store":"01a22d7b-0ea7-759e-b63f-5d72f3951b77","stack":"01a22d7b-0ebc-75ad-9e58-95854f66614a","containers":[],"networks":[],"wanted":{"api":[],"db":[],"web":["db"],"worker":["db"]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-shop-api.upg-infra-db","reason":"links api to upg-infra/db"},{"sign":"+","subject":"network devarch-upg-shop-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-db-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-cache","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-shop-web-pages","reason":"is not there"},{"sign":"+","subject":"api","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"},{"sign":"+","subject":"worker","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-shop-net","after":[]},{"instance":"api","what":"create container devarch-upg-shop-api","after":[0]},{"instance":"api","what":"create network devarch-upg-shop-api.upg-infra-db","after":[]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[1,2]},{"instance":"api","what":"connect to devarch-upg-shop-api.upg-infra-db","after":[2]},{"instance":"api","what":"see that upg-infra/db has login api_db_4f66614a","after":[]},{"instance":"api","what":"start","after":[3,4,5]},{"instance":"db","what":"create volume devarch-upg-shop-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-shop-db","after":[0,7]},{"instance":"db","what":"start","after":[8]},{"instance":"web","what":"create volume devarch-upg-shop-web-cache","after":[]},{"instance":"web","what":"create volume devarch-upg-shop-web-pages","after":[]},{"instance":"web","what":"create container devarch-upg-shop-web","after":[0,10,11]},{"instance":"web","what":"put 2 config file(s)","after":[12]},{"instance":"web","what":"start","after":[9,13]},{"instance":"web","what":"wait until it is healthy","after":[14],"proves_health":true},{"instance":"worker","what":"create container devarch-upg-shop-worker","after":[0]},{"instance":"worker","what":"start","after":[9,16]},{"instance":null,"what":"see that everything still runs","after":[6,15,17]}]}', '{"enabled":true,"file":{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}},"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]},"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af":{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}},"pins":{"api":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af","db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","worker":"sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', '01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', 1, '@@engine@@', NULL, 'upgrade', 'vm', 23602, 'up', 1796059371735, 1796059372441, 1796059372442, 'succeeded', NULL, '{"store":"01a22d7b-0ea7-759e-b63f-5d72f3951b77","stack":"01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd","containers":[],"networks":[],"wanted":{"db":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-infra-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-infra-db-data","reason":"is not there"},{"sign":"+","subject":"db","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-infra-net","after":[]},{"instance":"db","what":"create volume devarch-upg-infra-db-data","after":[]},{"instance":"db","what":"create container devarch-upg-infra-db","after":[0,1]},{"instance":"db","what":"start","after":[2]},{"instance":null,"what":"see that everything still runs","after":[3]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}},"templates":{"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13":{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}},"pins":{"db":"sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', '01a22d7b-3967-7055-9835-1fbf505b96e3', 1, '@@engine@@', NULL, 'upgrade', 'vm', 25073, 'up', 1796059383037, 1796059383794, 1796059383822, 'succeeded', NULL, '{"store":"01a22d7b-0ea7-759e-b63f-5d72f3951b77","stack":"01a22d7b-3967-7055-9835-1fbf505b96e3","containers":[],"networks":[],"wanted":{"left":[],"web":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-edit-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-left-data","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-edit-web-data","reason":"is not there"},{"sign":"+","subject":"left","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-edit-net","after":[]},{"instance":"left","what":"create volume devarch-upg-edit-left-data","after":[]},{"instance":"left","what":"create container devarch-upg-edit-left","after":[0,1]},{"instance":"left","what":"start","after":[2]},{"instance":"web","what":"create volume devarch-upg-edit-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-edit-web","after":[0,4]},{"instance":"web","what":"start","after":[5]},{"instance":null,"what":"see that everything still runs","after":[3,6]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"left":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', '01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 1, '@@engine@@', NULL, 'upgrade', 'vm', 25765, 'up', 1796059387135, 1796059388533, 1796059388534, 'succeeded', NULL, '{"store":"01a22d7b-0ea7-759e-b63f-5d72f3951b77","stack":"01a22d7b-4b3b-720d-8d68-ec416c5ddc6c","containers":[],"networks":[],"wanted":{"late":["web"],"web":[]}}', '{"changes":[{"sign":"+","subject":"network devarch-upg-half-net","reason":"is not there"},{"sign":"+","subject":"volume devarch-upg-half-web-data","reason":"is not there"},{"sign":"+","subject":"late","reason":"is not there"},{"sign":"+","subject":"web","reason":"is not there"}],"steps":[{"instance":null,"what":"create network devarch-upg-half-net","after":[]},{"instance":"web","what":"create volume devarch-upg-half-web-data","after":[]},{"instance":"web","what":"create container devarch-upg-half-web","after":[0,1]},{"instance":"web","what":"start","after":[2]},{"instance":"web","what":"wait until it is healthy","after":[3],"proves_health":true},{"instance":"late","what":"create container devarch-upg-half-late","after":[0]},{"instance":"late","what":"start","after":[4,5]},{"instance":null,"what":"see that everything still runs","after":[6]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.applies VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', '01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 2, '@@engine@@', NULL, 'upgrade', 'vm', 27702, 'apply', 1796059402950, NULL, NULL, 'running', NULL, '{"store":"01a22d7b-0ea7-759e-b63f-5d72f3951b77","stack":"01a22d7b-4b3b-720d-8d68-ec416c5ddc6c","containers":[{"id":"@@container:devarch-upg-half-late@@","name":"devarch-upg-half-late","instance":"late","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.74.130","aliases":["late"]},"depends_on":{"web":{"condition":"ready","required":true}},"readiness":"running"},{"id":"@@container:devarch-upg-half-web.old@@","name":"devarch-upg-half-web","instance":"web","state":"running","networks":["devarch-upg-half-net"],"attachment":{"name":"devarch-upg-half-net","address":"10.211.74.131","aliases":["web"]},"depends_on":{},"readiness":{"healthy":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}],"networks":["devarch-upg-half-net"],"wanted":{"late":["web"],"web":[]}}', '{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"}],"steps":[{"instance":"web","what":"create container devarch-upg-half-web.next","after":[]},{"instance":"web","what":"stop","after":[0],"stops":"@@container:devarch-upg-half-web.old@@"},{"instance":"web","what":"rename to devarch-upg-half-web.old","after":[0,1]},{"instance":"web","what":"rename to devarch-upg-half-web","after":[2]},{"instance":"web","what":"start","after":[1,3]},{"instance":"web","what":"wait until it is healthy","after":[4],"proves_health":true},{"instance":"web","what":"remove container devarch-upg-half-web.old","after":[5]}]}', '{"enabled":true,"file":{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}}}},"templates":{"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5":{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}},"pins":{"late":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","web":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5"}}', NULL, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', 0, 1796059371737, 1796059371755, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', 1, 1796059371737, 1796059371770, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', 2, 1796059371771, 1796059371863, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', 3, 1796059371871, 1796059372153, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-18d7-73e9-8d92-530ca3b529ad', 4, 1796059372154, 1796059372439, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 0, 1796059377155, 1796059377178, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 2, 1796059377160, 1796059377213, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 11, 1796059377171, 1796059377264, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 7, 1796059377171, 1796059377333, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 10, 1796059377171, 1796059377299, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 1, 1796059377264, 1796059377434, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 3, 1796059377437, 1796059377484, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 16, 1796059377264, 1796059377524, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 4, 1796059377288, 1796059377611, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 5, 1796059377171, 1796059377618, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 8, 1796059377339, 1796059377677, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 12, 1796059377343, 1796059377683, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 13, 1796059377690, 1796059377847, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 6, 1796059377642, 1796059378083, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 9, 1796059377680, 1796059378111, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 17, 1796059378117, 1796059378416, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 14, 1796059378117, 1796059378555, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 15, 1796059378579, 1796059378752, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-2da3-768f-aadd-038fd933075c', 18, 1796059378775, 1796059378943, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 0, 1796059383039, 1796059383055, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 4, 1796059383040, 1796059383112, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 1, 1796059383039, 1796059383131, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 5, 1796059383113, 1796059383271, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 2, 1796059383132, 1796059383418, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 6, 1796059383274, 1796059383615, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 3, 1796059383422, 1796059383626, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-44fd-772f-8ce5-867f846a72e4', 7, 1796059383631, 1796059383791, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 0, 1796059387178, 1796059387184, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 1, 1796059387179, 1796059387214, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 5, 1796059387199, 1796059387316, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 2, 1796059387220, 1796059387447, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 3, 1796059387451, 1796059387706, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 4, 1796059387707, 1796059387836, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 6, 1796059387837, 1796059388207, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-54ff-750d-a4e3-874f4c479f3f', 7, 1796059388208, 1796059388532, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 0, 1796059403016, 1796059403140, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 1, 1796059403142, 1796059403423, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 2, 1796059403427, 1796059403430, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 3, 1796059403433, 1796059403436, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 4, 1796059403447, 1796059403764, NULL);
INSERT INTO public.apply_steps VALUES ('01a22d7b-92c6-73d0-8fbc-52b85922e9f1', 5, 1796059403765, NULL, NULL);
INSERT INTO public.identity VALUES (1, '01a22d7b-0ea7-759e-b63f-5d72f3951b77', '\x876a36fb39281d6d', '\x01876a36fb39281d6db7052910fa61685726ccb65c03cd9881ec78672c51f2db61a65f56e0ac3c484b7b7d392a89e3c8d58a73c8960ee93ac3660a926a3c1b02ab0722c6c6');
INSERT INTO public.instances VALUES ('01a22d7b-0ebc-75ad-9e58-95867d005ae8', '01a22d7b-0ebc-75ad-9e58-95854f66614a', 'api', 'devarch-upg-shop-api', 'sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', '{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d7b-0ebc-75ad-9e58-95878b7a106b', '01a22d7b-0ebc-75ad-9e58-95854f66614a', 'db', 'devarch-upg-shop-db', 'sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', '{}', NULL, true, 'running', 1);
INSERT INTO public.instances VALUES ('01a22d7b-0ebc-75ad-9e58-9588b05aa60f', '01a22d7b-0ebc-75ad-9e58-95854f66614a', 'web', 'devarch-upg-shop-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}', NULL, true, 'running', 2);
INSERT INTO public.instances VALUES ('01a22d7b-0ebc-75ad-9e58-9589fa5969ce', '01a22d7b-0ebc-75ad-9e58-95854f66614a', 'worker', 'devarch-upg-shop-worker', 'sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', '{}', NULL, true, 'running', 3);
INSERT INTO public.instances VALUES ('01a22d7b-0f2b-71df-a43b-3e4e7372bc6b', '01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', 'db', 'devarch-upg-infra-db', 'sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', '{}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d7b-4b3b-720d-8d68-ec42e70c78df', '01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 'late', 'devarch-upg-half-late', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"depends_on":{"web":{"condition":"ready","required":true}}}', NULL, true, 'running', 0);
INSERT INTO public.instances VALUES ('01a22d7b-3967-7055-9835-1fc1f0de51a8', '01a22d7b-3967-7055-9835-1fbf505b96e3', 'web', 'devarch-upg-edit-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}],"environment_add":{"EDITED":"yes"}}', NULL, true, 'running', 1);
INSERT INTO public.instances VALUES ('01a22d7b-4b3b-720d-8d68-ec4334ff5e5d', '01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 'web', 'devarch-upg-half-web', 'sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', '{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"},"environment_add":{"OPEN":"no"}}', NULL, true, 'running', 1);
INSERT INTO public.kept_volumes VALUES ('@@engine@@', 'devarch-upg-edit-left-data', '01a22d7b-3967-7055-9835-1fbf505b96e3', 'upg-edit', '01a22d7b-3967-7055-9835-1fc0cfe1ede5', 'left', 'data', 1796059393569);
INSERT INTO public.kept_volumes VALUES ('@@engine@@', 'devarch-upg-gone-db-data', '01a22d7b-5e5b-7479-b53d-54062f3f0ca1', 'upg-gone', '01a22d7b-5e5b-7479-b53d-5407506e6624', 'db', 'data', 1796059400208);
INSERT INTO public.locks VALUES ('01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', 1, NULL, 'up', 'upgrade', 'vm', 23976, 1796059374796, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', 1, NULL, 'up', 'upgrade', 'vm', 23976, 1796059374777, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d7b-3967-7055-9835-1fbf505b96e3', 1, NULL, 'up', 'upgrade', 'vm', 25073, 1796059381979, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.locks VALUES ('01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 1, '515bc52b-aa1e-4854-a5db-f17411b6a068', 'apply', 'upgrade', 'vm', 27702, 1796059401266, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.plans VALUES ('plan_01a22d7ba2d7759fae7206d7dcb2cda0', '01a22d7b-3967-7055-9835-1fbf505b96e3', 'upgrade', 'vm', 28247, 1796059407063, @@expires@@, '{"replace":[],"restart":[],"prove":false,"reuse_volumes":false,"adopt_volumes":false,"snapshot":false,"images":{"pull":null,"build":false},"wanted":null}', '{"container devarch-upg-edit-left":"running","container devarch-upg-edit-left: config":"1:a9f632046cfaaa8ee25736da4a521f80d744111d1446bb3d626676ec927f6c91","container devarch-upg-edit-left: id":"@@container:devarch-upg-edit-left@@","container devarch-upg-edit-left: image":"@@image:busybox:1.37@@","container devarch-upg-edit-left: networks":"devarch-upg-edit-net","container devarch-upg-edit-web":"running","container devarch-upg-edit-web: config":"1:925352f73120951ff2b3ca9eb286b5c248fa1896a34f579d7a6009c853578d0f","container devarch-upg-edit-web: id":"@@container:devarch-upg-edit-web@@","container devarch-upg-edit-web: image":"@@image:busybox:1.37@@","container devarch-upg-edit-web: networks":"devarch-upg-edit-net","engine: id":"@@engine@@","engine: kind":"podman","image busybox:1.37":"@@image:busybox:1.37@@","instance web":"wanted running","instance web: config":"1:c4d842ffe9d2a6ab10d487e86e4c733a990fc1d3a8ecbce5dd3230e19b9daa2e","instance web: dependencies":"none","instance web: template":"sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5","network devarch-upg-edit-net":"@@network:devarch-upg-edit-net@@","port 127.0.0.1:28192/tcp":"free","stack: allow":"none","stack: enabled":"yes","stack: name":"upg-edit","stack: network":"devarch-upg-edit-net 10.211.90.128/26","stack: revision":"2","volume devarch-upg-edit-left-data":"there","volume devarch-upg-edit-left-data: owner":"01a22d7b-0ea7-759e-b63f-5d72f3951b77/01a22d7b-3967-7055-9835-1fbf505b96e3/01a22d7b-3967-7055-9835-1fc0cfe1ede5","volume devarch-upg-edit-web-data":"there","volume devarch-upg-edit-web-data: owner":"01a22d7b-0ea7-759e-b63f-5d72f3951b77/01a22d7b-3967-7055-9835-1fbf505b96e3/01a22d7b-3967-7055-9835-1fc1f0de51a8"}', '{"changes":[{"sign":"-/+","subject":"web","reason":"its config changed"},{"sign":"-","subject":"container devarch-upg-edit-left","reason":"no instance of the stack has it"}],"steps":[{"instance":null,"what":"stop","after":[],"stops":"@@container:devarch-upg-edit-left@@"},{"instance":"web","what":"create container devarch-upg-edit-web.next","after":[]},{"instance":"web","what":"stop","after":[1],"stops":"@@container:devarch-upg-edit-web@@"},{"instance":"web","what":"rename to devarch-upg-edit-web.old","after":[1,2]},{"instance":"web","what":"rename to devarch-upg-edit-web","after":[3]},{"instance":"web","what":"start","after":[2,4]},{"instance":null,"what":"see that everything still runs","after":[0,5]},{"instance":null,"what":"remove container devarch-upg-edit-left","after":[6]},{"instance":"web","what":"remove container devarch-upg-edit-web.old","after":[6]}]}', NULL);
INSERT INTO public.ports VALUES ('01a22d7b-0ebc-75ad-9e58-9588b05aa60f', '@@host@@', 80, 'tcp', '127.0.0.1', 28171);
INSERT INTO public.ports VALUES ('01a22d7b-0ebc-75ad-9e58-9588b05aa60f', '@@host@@', 9000, 'udp', '127.0.0.1', 28170);
INSERT INTO public.ports VALUES ('01a22d7b-3967-7055-9835-1fc1f0de51a8', '@@host@@', 80, 'tcp', '127.0.0.1', 28192);
INSERT INTO public.secrets VALUES ('01a22d7b-0ebd-76e4-a342-a35f0ac469af', '01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-95867d005ae8', 'own db api_db', '\x01876a36fb39281d6d007a6c170862908939bba143898361a5dbd2e674b254636f1768ff57f4a7b86e2fc50a2fa228b1873714d5af42f06400a76fa3618f6a049052beb8c9', 1796059369149);
INSERT INTO public.secrets VALUES ('01a22d7b-0ebd-76e4-a342-a3608ee75d06', '01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-95878b7a106b', 'ADMIN_PASSWORD', '\x01876a36fb39281d6df6bcd20118c5d4b373377380667c722b72e2ba04e6e662632f46bc37e80442f510d6da66d8d575a3516a12962243be6476bd8afc', 1796059369149);
INSERT INTO public.secrets VALUES ('01a22d7b-0ebd-76e4-a342-a361f794cfe7', '01a22d7b-0ebc-75ad-9e58-95854f66614a', '01a22d7b-0ebc-75ad-9e58-9588b05aa60f', 'SESSION_KEY', '\x01876a36fb39281d6da20d213dbfb585842f81dee6453d2e203416199040a876f26284b736a761a52ae6826b3685846ebb6f52fbdb', 1796059369149);
INSERT INTO public.secrets VALUES ('01a22d7b-0eeb-71f5-aebb-702180d38645', '01a22d7b-0ebc-75ad-9e58-95854f66614a', NULL, 'API_TOKEN', '\x01876a36fb39281d6df5baab8def64c4500a372218b5361e06abe1db3032e39edaa216116c76c322a37ca5611d3df0f0b821e8813aeba1cb93a741f360592329b3', 1796059369195);
INSERT INTO public.secrets VALUES ('01a22d7b-0f2b-71df-a43b-3e4fbcbe3e7c', '01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', '01a22d7b-0f2b-71df-a43b-3e4e7372bc6b', 'ADMIN_PASSWORD', '\x01876a36fb39281d6dac3ab278974f31edcecb7c5cfbff1caca83e3121952a69dee063c039c2e4cbc09e1fe9f6f4302111e8e959f8680755bb7e826abe', 1796059369259);
INSERT INTO public.stacks VALUES ('01a22d7b-0f2b-71df-a43b-3e4dcebc2fdd', 'upg-infra', '@@project@@', true, 0, '', '{"allow":[],"instances":{"db":{"template":"server","enabled":true,"overrides":{}}}}', NULL, '@@host@@', 'podman', '@@engine@@', '@@endpoint@@', '10.211.120.128/26');
INSERT INTO public.stacks VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', 'upg-shop', '@@project@@', true, 1, '', '{"allow":[],"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}],"instances":{"api":{"template":"client","enabled":true,"overrides":{"build":{"context":"./app"},"imports":[{"name":"db","type":"postgres","own":true}]}},"db":{"template":"server","enabled":true,"overrides":{}},"web":{"template":"box","enabled":true,"overrides":{"environment":{"API_TOKEN":"${secret:API_TOKEN}","PLAIN":"as it is","SESSION_KEY":{"generate":{"length":16}}},"ports":[{"target":80,"protocol":"tcp"},{"target":9000,"protocol":"udp"}],"volumes":[{"type":"volume","source":"cache","target":"/cache"},{"type":"volume","source":"pages","target":"/pages"}],"healthcheck":{"test":["CMD","true"],"interval":"10s"},"depends_on":{"db":{"condition":"ready","required":true}},"config_files":{"/etc/inline.conf":{"content":"token = ${secret:API_TOKEN}\n","mode":"0440"},"/etc/web.conf":{"content":"listen 80\nroot /pages\n"}}}},"worker":{"template":"client","enabled":true,"overrides":{}}}}', NULL, '@@host@@', 'podman', '@@engine@@', '@@endpoint@@', '10.211.77.128/26');
INSERT INTO public.stacks VALUES ('01a22d7b-4b3b-720d-8d68-ec416c5ddc6c', 'upg-half', '@@project@@', true, 1, '', '{"allow":[],"instances":{"late":{"template":"box","enabled":true,"overrides":{"depends_on":{"web":{"condition":"ready","required":true}}}},"web":{"template":"box","enabled":true,"overrides":{"command":["sh","-c","trap ''exit 0'' TERM; if [ $OPEN = yes ]; then touch /tmp/go; fi; sleep 100000 & wait"],"environment":{"OPEN":"yes"},"volumes":[{"type":"volume","source":"data","target":"/data"}],"healthcheck":{"test":["CMD-SHELL","test -f /tmp/go"],"interval":"1m","start_period":"5m"}}}}}', NULL, '@@host@@', 'podman', '@@engine@@', '@@endpoint@@', '10.211.74.128/26');
INSERT INTO public.stacks VALUES ('01a22d7b-3967-7055-9835-1fbf505b96e3', 'upg-edit', '@@project@@', true, 2, '', '{"allow":[],"instances":{"left":{"template":"box","enabled":true,"overrides":{"volumes":[{"type":"volume","source":"data","target":"/data"}]}},"web":{"template":"box","enabled":true,"overrides":{"ports":[{"target":80,"protocol":"tcp"}],"volumes":[{"type":"volume","source":"data","target":"/data"}]}}}}', NULL, '@@host@@', 'podman', '@@engine@@', '@@endpoint@@', '10.211.90.128/26');
INSERT INTO public.templates VALUES ('sha256:679e3b25565d9e26514342a256c4dc997d97e0801567475c38c450cd3c00c6c5', 'box', '{"name":"box","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"}}', NULL);
INSERT INTO public.templates VALUES ('sha256:d1625745b69510769732023fc4e95819326f26d60e2961c51661b1ee665abf13', 'server', '{"name":"server","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s","environment":{"ADMIN_PASSWORD":{"generate":{"length":24}}},"volumes":[{"type":"volume","source":"data","target":"/data"}]},"exports":[{"name":"db","type":"postgres","port":5432,"properties":{"database":"main","password":"${env:ADMIN_PASSWORD}","user":"admin"},"provision":{"command":["/bin/sh","-ec","echo \"$PROVISION_NAME $PROVISION_PASSWORD\" >>/data/logins"],"remove":["/bin/sh","-ec","sed -i \"/^$PROVISION_NAME /d\" /data/logins"]}}]}', NULL);
INSERT INTO public.templates VALUES ('sha256:dbf1f915a31d6e775b267b87f66f77158d916d8996db252db9ddbdcdcf54e5af', 'client', '{"name":"client","description":"","service":{"image":"busybox:1.37","command":["sh","-c","trap ''exit 0'' TERM; sleep 100000 & wait"],"stop_grace_period":"5s"},"imports":[{"name":"db","type":"postgres"}]}', NULL);
INSERT INTO public.volumes VALUES ('01a22d7b-0ebc-75ad-9e58-95878b7a106b', 'data', 'devarch-upg-shop-db-data');
INSERT INTO public.volumes VALUES ('01a22d7b-0ebc-75ad-9e58-9588b05aa60f', 'cache', 'devarch-upg-shop-web-cache');
INSERT INTO public.volumes VALUES ('01a22d7b-0ebc-75ad-9e58-9588b05aa60f', 'pages', 'devarch-upg-shop-web-pages');
INSERT INTO public.volumes VALUES ('01a22d7b-0f2b-71df-a43b-3e4e7372bc6b', 'data', 'devarch-upg-infra-db-data');
INSERT INTO public.volumes VALUES ('01a22d7b-3967-7055-9835-1fc1f0de51a8', 'data', 'devarch-upg-edit-web-data');
INSERT INTO public.volumes VALUES ('01a22d7b-4b3b-720d-8d68-ec4334ff5e5d', 'data', 'devarch-upg-half-web-data');
INSERT INTO public.wirings VALUES ('01a22d7b-0ebc-75ad-9e58-95854f66614a', '{"wires":[{"from":"api","to":"upg-infra/db"},{"from":"worker","to":"db"}]}', NULL);
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
