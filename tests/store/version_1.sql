BEGIN TRANSACTION;
CREATE TABLE hosts (
    id      TEXT PRIMARY KEY,
    started REAL NOT NULL
);
INSERT INTO "hosts" VALUES('a89dbfbd1a0415eb80d9fb3b888e02f6',1790000001.0);
CREATE TABLE jobs (
    n               INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    source_key      TEXT NOT NULL,
    watch           TEXT NOT NULL,
    claim_folder    TEXT,
    state           TEXT NOT NULL,
    owner           TEXT,
    token           INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    late            INTEGER NOT NULL,
    claimed         INTEGER NOT NULL,
    not_before      REAL NOT NULL,
    created         REAL NOT NULL,
    updated         REAL NOT NULL,
    uncertain_since REAL,
    record          TEXT NOT NULL
);
INSERT INTO "jobs" VALUES(1,'00000000000000000000000000000001','"main:usd.mp4"','main','".reeldrop/claims/1"','delivered',NULL,1,0,0,1,0.0,1790000001.0,1790000010.0,NULL,'{"path":"usd.mp4","folder":"usd","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"usd.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/1","source":[{"at":"usd.mp4","origin":"usd.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{"shot":"\u00e9"},"ticket":"\u00dcbung-1","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000001.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:01/x","submitted":1790000005.0,"searched":0.0,"held":false,"result_url":"https://x/y.mp4","download":null,"verdict":"delivered","staged":null,"final":"usd","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":{"name":"a.mp4","bytes":99,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null},"cost":{"credits":3900000.0,"usd":1.95},"error":null}');
INSERT INTO "jobs" VALUES(2,'00000000000000000000000000000002','"main:credits.mp4"','main','".reeldrop/claims/2"','delivered',NULL,1,0,0,1,0.0,1790000002.0,1790000019.0,NULL,'{"path":"credits.mp4","folder":"credits","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"credits.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/2","source":[{"at":"credits.mp4","origin":"credits.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000002.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:02/x","submitted":1790000014.0,"searched":0.0,"held":false,"result_url":"https://x/y.mp4","download":null,"verdict":"delivered","staged":null,"final":"credits","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":{"name":"a.mp4","bytes":99,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null},"cost":{"credits":1040000.0,"usd":null},"error":null}');
INSERT INTO "jobs" VALUES(3,'00000000000000000000000000000003','"main:unpriced.mp4"','main','".reeldrop/claims/3"','delivered',NULL,1,0,0,1,0.0,1790000003.0,1790000028.0,NULL,'{"path":"unpriced.mp4","folder":"unpriced","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"unpriced.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/3","source":[{"at":"unpriced.mp4","origin":"unpriced.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000003.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:03/x","submitted":1790000023.0,"searched":0.0,"held":false,"result_url":"https://x/y.mp4","download":null,"verdict":"delivered","staged":null,"final":"unpriced","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":{"name":"a.mp4","bytes":99,"sha256":null,"seconds":null,"width":null,"height":null,"fps":null,"codec":null},"cost":null,"error":null}');
INSERT INTO "jobs" VALUES(4,'00000000000000000000000000000004','"main:failed.mp4"','main','".reeldrop/claims/4"','failed',NULL,1,0,0,1,0.0,1790000004.0,1790000036.0,NULL,'{"path":"failed.mp4","folder":"failed","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"failed.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/4","source":[{"at":"failed.mp4","origin":"failed.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000004.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:04/x","submitted":1790000032.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":"failed","staged":null,"final":"_failed/failed","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":{"code":"generation_failed","message":"no","hint":""}}');
INSERT INTO "jobs" VALUES(5,'00000000000000000000000000000005','"main:lost.mp4"','main','".reeldrop/claims/5"','failed',NULL,1,0,0,1,0.0,1790000005.0,1790000044.0,NULL,'{"path":"lost.mp4","folder":"lost","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"lost.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/5","source":[{"at":"lost.mp4","origin":"lost.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000005.1"],"upload_mode":"data_uri","generation_id":"g\u00e9n:05/x","submitted":1790000040.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":"failed","staged":null,"final":"_failed/lost","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":{"credits":null,"usd":0.5},"error":{"code":"result_lost","message":"gone","hint":""}}');
INSERT INTO "jobs" VALUES(6,'00000000000000000000000000000006','"main:refused.mp4"','main','".reeldrop/claims/6"','failed',NULL,1,0,0,1,0.0,1790000006.0,1790000051.0,NULL,'{"path":"refused.mp4","folder":"refused","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"refused.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/6","source":[{"at":"refused.mp4","origin":"refused.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000006.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000048.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":"failed","staged":null,"final":"_failed/refused","source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":{"code":"rejected","message":"no","hint":""}}');
INSERT INTO "jobs" VALUES(7,'00000000000000000000000000000007','"main:twice.mp4"','main','".reeldrop/claims/7"','generating','a89dbfbd1a0415eb80d9fb3b888e02f6',2,0,1,1,0.0,1790000007.0,1790000062.0,NULL,'{"path":"twice.mp4","folder":"twice","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"twice.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/7","source":[{"at":"twice.mp4","origin":"twice.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":2,"request_ids":["00000000000000000000000000000007.1","00000000000000000000000000000007.2"],"upload_mode":"data_uri","generation_id":"g:2","submitted":1790000060.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":null}');
INSERT INTO "jobs" VALUES(8,'00000000000000000000000000000008','"main:uncertain\udcff.mp4"','main','".reeldrop/claims/8"','uncertain',NULL,1,0,0,1,0.0,1790000008.0,1790000068.0,1790000068.0,'{"path":"uncertain\udcff.mp4","folder":"uncertain\udcff","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"uncertain\udcff.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/8","source":[{"at":"uncertain\udcff.mp4","origin":"uncertain\udcff.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"504","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000008.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000066.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":{"code":"unknown_outcome","message":"504","hint":""}}');
INSERT INTO "jobs" VALUES(9,'00000000000000000000000000000009','"main:submitting.mp4"','main','".reeldrop/claims/9"','submitting','a89dbfbd1a0415eb80d9fb3b888e02f6',1,0,0,1,0.0,1790000009.0,1790000073.0,NULL,'{"path":"submitting.mp4","folder":"submitting","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"submitting.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/9","source":[{"at":"submitting.mp4","origin":"submitting.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":1,"request_ids":["00000000000000000000000000000009.1"],"upload_mode":"data_uri","generation_id":null,"submitted":1790000072.0,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":null}');
INSERT INTO "jobs" VALUES(10,'0000000000000000000000000000000a','"main:uploading.mp4"','main','".reeldrop/claims/10"','uploading','a89dbfbd1a0415eb80d9fb3b888e02f6',1,0,0,1,0.0,1790000010.0,1790000076.0,NULL,'{"path":"uploading.mp4","folder":"uploading","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"uploading.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/10","source":[{"at":"uploading.mp4","origin":"uploading.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":null}');
INSERT INTO "jobs" VALUES(11,'0000000000000000000000000000000b','"main:queued.mp4"','main','".reeldrop/claims/11"','queued',NULL,0,3,0,1,0.0,1790000011.0,1790000011.0,NULL,'{"path":"queued.mp4","folder":"queued","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"queued.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":".reeldrop/claims/11","source":[{"at":"queued.mp4","origin":"queued.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"farm \ud800 17","reason":"the account is empty","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":null}');
INSERT INTO "jobs" VALUES(12,'0000000000000000000000000000000c','"main:kept.mp4"','main',NULL,'queued',NULL,0,0,0,0,0.0,1790000012.0,1790000012.0,NULL,'{"path":"kept.mp4","folder":"kept","model":"klingai/video-o1-video-to-video-reference","params":{"prompt":"as clay","video_url":{"$file":"kept.mp4"},"image_list":[{"$file":"ref/\u00e9.png"}]},"claim":{"folder":"","source":[{"at":"kept.mp4","origin":"kept.mp4","key":"1:2:3:4"}],"references":[]},"upload":"auto","labels":{},"ticket":"","reason":"","tries":0,"attempts":0,"request_ids":[],"upload_mode":"","generation_id":null,"submitted":null,"searched":0.0,"held":false,"result_url":null,"download":null,"verdict":null,"staged":null,"final":null,"source":{"name":"a.mp4","bytes":12,"sha256":null,"seconds":3.0,"width":1280,"height":720,"fps":24.0,"codec":"h264"},"media":[],"result":null,"cost":null,"error":null}');
CREATE TABLE journal (
    n     INTEGER PRIMARY KEY,
    job   TEXT NOT NULL,
    at    REAL NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    token INTEGER NOT NULL,
    host  TEXT NOT NULL,
    note  TEXT NOT NULL
);
INSERT INTO "journal" VALUES(1,'00000000000000000000000000000001',1790000002.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(2,'00000000000000000000000000000001',1790000004.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(3,'00000000000000000000000000000001',1790000006.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000001.1"}');
INSERT INTO "journal" VALUES(4,'00000000000000000000000000000001',1790000007.0,'accepted','generating',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"generation_id": "x"}');
INSERT INTO "journal" VALUES(5,'00000000000000000000000000000001',1790000008.0,'completed','downloading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(6,'00000000000000000000000000000001',1790000009.0,'fetched','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(7,'00000000000000000000000000000001',1790000010.0,'placed','delivered',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(8,'00000000000000000000000000000002',1790000011.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(9,'00000000000000000000000000000002',1790000013.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(10,'00000000000000000000000000000002',1790000015.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000002.1"}');
INSERT INTO "journal" VALUES(11,'00000000000000000000000000000002',1790000016.0,'accepted','generating',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"generation_id": "x"}');
INSERT INTO "journal" VALUES(12,'00000000000000000000000000000002',1790000017.0,'completed','downloading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(13,'00000000000000000000000000000002',1790000018.0,'fetched','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(14,'00000000000000000000000000000002',1790000019.0,'placed','delivered',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(15,'00000000000000000000000000000003',1790000020.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(16,'00000000000000000000000000000003',1790000022.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(17,'00000000000000000000000000000003',1790000024.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000003.1"}');
INSERT INTO "journal" VALUES(18,'00000000000000000000000000000003',1790000025.0,'accepted','generating',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"generation_id": "x"}');
INSERT INTO "journal" VALUES(19,'00000000000000000000000000000003',1790000026.0,'completed','downloading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(20,'00000000000000000000000000000003',1790000027.0,'fetched','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(21,'00000000000000000000000000000003',1790000028.0,'placed','delivered',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(22,'00000000000000000000000000000004',1790000029.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(23,'00000000000000000000000000000004',1790000031.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(24,'00000000000000000000000000000004',1790000033.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000004.1"}');
INSERT INTO "journal" VALUES(25,'00000000000000000000000000000004',1790000034.0,'accepted','generating',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"generation_id": "x"}');
INSERT INTO "journal" VALUES(26,'00000000000000000000000000000004',1790000035.0,'refused','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(27,'00000000000000000000000000000004',1790000036.0,'placed_failed','failed',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(28,'00000000000000000000000000000005',1790000037.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(29,'00000000000000000000000000000005',1790000039.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(30,'00000000000000000000000000000005',1790000041.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000005.1"}');
INSERT INTO "journal" VALUES(31,'00000000000000000000000000000005',1790000042.0,'accepted','generating',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"generation_id": "x"}');
INSERT INTO "journal" VALUES(32,'00000000000000000000000000000005',1790000043.0,'refused','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(33,'00000000000000000000000000000005',1790000044.0,'placed_failed','failed',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(34,'00000000000000000000000000000006',1790000045.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(35,'00000000000000000000000000000006',1790000047.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(36,'00000000000000000000000000000006',1790000049.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000006.1"}');
INSERT INTO "journal" VALUES(37,'00000000000000000000000000000006',1790000050.0,'refused','delivering',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(38,'00000000000000000000000000000006',1790000051.0,'placed_failed','failed',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(39,'00000000000000000000000000000007',1790000052.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(40,'00000000000000000000000000000007',1790000054.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(41,'00000000000000000000000000000007',1790000056.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000007.1"}');
INSERT INTO "journal" VALUES(42,'00000000000000000000000000000007',1790000057.0,'not_accepted','queued',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(43,'00000000000000000000000000000007',1790000059.0,'taken','uploading',2,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(44,'00000000000000000000000000000007',1790000061.0,'declared','submitting',2,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(45,'00000000000000000000000000000007',1790000062.0,'accepted','generating',2,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(46,'00000000000000000000000000000008',1790000063.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(47,'00000000000000000000000000000008',1790000065.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(48,'00000000000000000000000000000008',1790000067.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000008.1"}');
INSERT INTO "journal" VALUES(49,'00000000000000000000000000000008',1790000068.0,'outcome_unknown','uncertain',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(50,'00000000000000000000000000000009',1790000069.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(51,'00000000000000000000000000000009',1790000071.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(52,'00000000000000000000000000000009',1790000073.0,'declared','submitting',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{"request_id": "00000000000000000000000000000009.1"}');
INSERT INTO "journal" VALUES(53,'0000000000000000000000000000000a',1790000074.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(54,'0000000000000000000000000000000a',1790000076.0,'taken','uploading',1,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(55,'0000000000000000000000000000000b',1790000077.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
INSERT INTO "journal" VALUES(56,'0000000000000000000000000000000c',1790000078.0,'added','queued',0,'a89dbfbd1a0415eb80d9fb3b888e02f6','{}');
CREATE TABLE kept (
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    key    TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (watch, path, key)
);
INSERT INTO "kept" VALUES('main','"kept.mp4"','1:2:3:4','00ff','0000000000000000000000000000000c');
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO "meta" VALUES('schema','1');
INSERT INTO "meta" VALUES('store_id','fda52e7bd6881ae589b4a7a41586d9fb');
CREATE TABLE waiting (
    n      INTEGER PRIMARY KEY,
    watch  TEXT NOT NULL,
    path   TEXT NOT NULL,
    reason TEXT NOT NULL,
    since  REAL NOT NULL
);
INSERT INTO "waiting" VALUES(1,'main','"w.mp4"','"waiting for sidecar w.json"',1790000000.0);
CREATE TABLE watches (
    name   TEXT PRIMARY KEY,
    inbox  TEXT NOT NULL,
    outbox TEXT NOT NULL
);
INSERT INTO "watches" VALUES('main','"/srv/in"','"/srv/out"');
CREATE UNIQUE INDEX jobs_source ON jobs (source_key)
    WHERE state NOT IN ('delivered', 'failed', 'cancelled');
CREATE INDEX jobs_state ON jobs (state, claimed, priority, created, n, not_before, late);
CREATE INDEX jobs_uncertain ON jobs (uncertain_since) WHERE uncertain_since IS NOT NULL;
CREATE INDEX jobs_claim ON jobs (claim_folder, watch) WHERE claim_folder IS NOT NULL;
CREATE INDEX jobs_updated ON jobs (updated);
CREATE INDEX journal_job ON journal (job, n);
CREATE INDEX journal_declared ON journal (at) WHERE event = 'declared';
CREATE INDEX waiting_watch ON waiting (watch);
COMMIT;
