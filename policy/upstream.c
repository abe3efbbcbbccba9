#include "policy/upstream.h"

#include <arpa/inet.h>
#include <strings.h>

#include "policy/policy.h"

enum {
	HOST_MAX = 253, /* RFC 1035, 2.3.4 */
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
	PORT_MAX = 65535
};

static struct str
until_any(struct str s, const char *stops)
{
	size_t i = 0;

	while (i < s.n && strchr(stops, s.p[i]) == NULL)
		i++;
	return (struct str){ s.p, i };
}

static bool
has_space_or_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f)
			return true;
	return false;
}

static bool
has_odd_byte(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("\"<>\\^`{|}", s.p[i]) != NULL)
			return true;
	return has_space_or_control(s);
}

/* -1: not a port. */
static int
port_of(struct str s)
{
	int port = 0;

	if (s.n < 1 || s.n > 5)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		port = port * 10 + (s.p[i] - '0');
	}
	return port > 0 && port <= PORT_MAX ? port : -1;
}

static const char *
split_authority(struct str rest, struct upstream_at *out)
{
	if (rest.n > 0 && memchr(rest.p, '@', rest.n) != NULL)
		return "may not carry a user name or password";
	if (rest.n > 0 && rest.p[0] == '[') {
		out->host = until_any(str_skip(rest, 1), "]");
		rest = str_skip(rest, out->host.n + 1);
		if (rest.n == 0)
			return "has no host name";
		rest = str_skip(rest, 1);
	} else {
		out->host = until_any(rest, ":");
		rest = str_skip(rest, out->host.n);
	}
	if (out->host.n == 0 || out->host.n > HOST_MAX)
		return "has no host name";
	out->port = out->tls ? PORT_HTTPS : PORT_HTTP;
	if (rest.n > 0)
		out->port = rest.p[0] == ':' ? port_of(str_skip(rest, 1)) : -1;
	return out->port < 0 ? "has a bad port" : NULL;
}

static const char *
split(struct str url, struct upstream_at *out)
{
	struct str rest;

	if (str_starts(url, STR("https://"))) {
		out->tls = true;
		rest = str_skip(url, 8);
	} else if (str_starts(url, STR("http://"))) {
		out->tls = false;
		rest = str_skip(url, 7);
	} else {
		return "must begin with https:// (or http:// for a loopback address)";
	}
	out->authority = until_any(rest, "/?#");
	out->path = str_skip(rest, out->authority.n);
	return split_authority(out->authority, out);
}

static bool
is_loopback_host(struct str host)
{
	char z[HOST_MAX + 1] = "";
	struct in_addr v4;
	struct in6_addr v6;

	memcpy(z, host.p, host.n);
	if (strcasecmp(z, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, z, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, z, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

const char *
upstream_fault(struct str url)
{
	struct upstream_at at = { 0 };
	const char *why;

	if (url.n > POL_URL_MAX || has_odd_byte(url))
		return "is not a URL";
	if (memchr(url.p, '?', url.n) != NULL || memchr(url.p, '#', url.n) != NULL)
		return "may not have a query or fragment";
	why = split(url, &at);
	if (why != NULL)
		return why;
	if (!at.tls && !is_loopback_host(at.host))
		return "must use https: a key would cross the network in the clear";
	return NULL;
}

struct str
upstream_trimmed(struct str url)
{
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

bool
upstream_split(struct str url, struct upstream_at *at)
{
	*at = (struct upstream_at){ 0 };
	return !has_space_or_control(url) && split(url, at) == NULL;
}

bool
upstream_is_loopback(struct str url)
{
	struct upstream_at at = { 0 };

	return upstream_split(url, &at) && is_loopback_host(at.host);
}
