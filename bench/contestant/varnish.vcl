# Varnish's own rules: who asks for what is being fetched follows that.
vcl 4.1;

backend origin {
	.host = "{{.Host}}";
	.port = "{{.Port}}";
	.first_byte_timeout = 600s;
	.between_bytes_timeout = 600s;
}

sub vcl_backend_response {
	set beresp.ttl = 1h;
	set beresp.grace = 0s;
}
