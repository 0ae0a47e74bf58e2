vcl 4.1;

import directors;

backend web_1 {
    .host = "10.0.0.1";
    .port = "80";
    .probe = { .url = "/ping"; .interval = 5s; .window = 5; .threshold = 3; }
}

backend web_2 {
    .host = "10.0.0.2";
    .port = "80";
    .probe = { .url = "/ping"; .interval = 5s; .window = 5; .threshold = 3; }
}

sub vcl_init {
    new pool = directors.round_robin();
    pool.add_backend(web_1);
    pool.add_backend(web_2);
}

acl purgers {
    "127.0.0.1";
    "10.0.0.0/8";
}

sub vcl_recv {
    set req.backend_hint = pool.backend();
    if (req.method == "PURGE") {
        if (!client.ip ~ purgers) { return (synth(405)); }
        return (purge);
    }
    if (req.url ~ "^/admin/") {
        return (pass);
    } else if (req.url ~ "^/stream/") {
        return (pipe);
    }
}

sub vcl_backend_response {
    if (bereq.url ~ "\.css$") { set beresp.ttl = 3600s; }
    if (bereq.url ~ "^/it's") { set beresp.ttl = 90s; }
    set beresp.ttl = 60s;
}
