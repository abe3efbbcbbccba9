#include "policy/upstream.h"

#include <arpa/inet.h>
#include <strings.h>

#include "policy/policy.h"

enum { HOST_MAX = 253 }; /* RFC 1035, 2.3.4 */

struct parts {
	bool tls;
	struct str host; /* without brackets */
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
has_odd_byte(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
			strchr("\"<>\\^`{|}", s.p[i]) != NULL)
			return true;
	return false;
}

static bool
is_port(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= 1 && s.n <= 5;
}

static const char *
split(struct str url, struct parts *out)
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
	rest = until_any(rest, "/");
	if (memchr(rest.p, '@', rest.n) != NULL)
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
	if (rest.n > 0 && (rest.p[0] != ':' || !is_port(str_skip(rest, 1))))
		return "has a bad port";
	return NULL;
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
	struct parts parts = { 0 };
	const char *why;

	if (url.n > POL_URL_MAX || has_odd_byte(url))
		return "is not a URL";
	if (memchr(url.p, '?', url.n) != NULL || memchr(url.p, '#', url.n) != NULL)
		return "may not have a query or fragment";
	why = split(url, &parts);
	if (why != NULL)
		return why;
	if (!parts.tls && !is_loopback_host(parts.host))
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
upstream_is_loopback(struct str url)
{
	struct parts parts = { 0 };

	return split(url, &parts) == NULL && is_loopback_host(parts.host);
}
