#define OPENSSL_SUPPRESS_DEPRECATED /* see rec_sha256 */

#include "policy/chain.h"

#include "base/hash.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>

#define LINK_SEQ "{\"v\":1,\"seq\":"
#define LINK_PREV ",\"prev\":\""
#define LINK_END "\",\"ts\":\""

enum { SUM_HEX = 16, DIGITS_MAX = 19, LINK_MAX = 256 };

static const char hex[] = "0123456789abcdef";

void
rec_sha256(struct str bytes, char out[REC_SHA_HEX + 1])
{
	unsigned char raw[SHA256_DIGEST_LENGTH];

	SHA256_CTX sha;

	/* SHA256() starts all of OpenSSL and reads its configuration: milliseconds a launch */
	(void)SHA256_Init(&sha); /* none of the three can fail */
	(void)SHA256_Update(&sha, bytes.p, bytes.n);
	(void)SHA256_Final(raw, &sha);
	for (size_t i = 0; i < sizeof raw; i++) {
		out[2 * i] = hex[raw[i] >> 4];
		out[2 * i + 1] = hex[raw[i] & 0xf];
	}
	out[REC_SHA_HEX] = '\0';
}

/* --- reading ---------------------------------------------------------------------- */

static bool
take(struct str *s, const char *z)
{
	if (!str_starts(*s, str_of(z)))
		return false;
	*s = str_skip(*s, strlen(z));
	return true;
}

/* Decimal without leading zeros, so that each number has one spelling. */
static bool
take_number(struct str *s, uint64_t *out)
{
	size_t n = 0;

	*out = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < DIGITS_MAX)
		*out = *out * 10 + (uint64_t)(s->p[n++] - '0');
	if (n == 0 || (n > 1 && s->p[0] == '0'))
		return false;
	*s = str_skip(*s, n);
	return true;
}

static bool
take_hex(struct str *s, char *out, size_t digits)
{
	if (s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		const char c = s->p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		out[i] = c;
	}
	out[digits] = '\0';
	*s = str_skip(*s, digits);
	return true;
}

bool
rec_link_of(struct str line, struct rec_link *out)
{
	return take(&line, LINK_SEQ) && take_number(&line, &out->seq) && out->seq > 0 &&
	       take(&line, LINK_PREV) && take_hex(&line, out->prev, REC_SHA_HEX) &&
	       take(&line, LINK_END);
}

void
rec_link_put(struct buf *b, const struct rec_link *l)
{
	buf_puts(b, LINK_SEQ);
	buf_put_number(b, l->seq);
	buf_puts(b, LINK_PREV);
	buf_puts(b, l->prev);
	buf_putc(b, '"');
}

/* --- the head --------------------------------------------------------------------- */

struct rec_head
rec_head_first(uint64_t born)
{
	return (struct rec_head){ .sha256 = REC_NO_PREV, .oldest = 1, .born = born };
}

/* Tells a half written head, not a forged one. */
static void
sum_of(struct str s, char out[SUM_HEX + 1])
{
	uint64_t h = hash_more(HASH_FIRST, s);

	for (size_t i = SUM_HEX; i-- > 0; h >>= 4)
		out[i] = hex[h & 0xf];
	out[SUM_HEX] = '\0';
}

static char *
put_text(char *at, const char *key, const char *text)
{
	at = stpcpy(stpcpy(at, key), text);
	*at = '\n';
	return at + 1;
}

static char *
put_number(char *at, const char *key, uint64_t n)
{
	at = stpcpy(at, key);
	at += buf_digits(n, at);
	*at = '\n';
	return at + 1;
}

void
rec_head_put(const struct rec_head *h, char out[REC_HEAD_BYTES])
{
	char sum[SUM_HEX + 1];
	char *at = out; /* all of it, with the longest numbers, is 261 bytes */

	at = put_number(at, "seq ", h->seq);
	at = put_text(at, "sha256 ", h->sha256);
	at = put_number(at, "oldest ", h->oldest);
	at = put_number(at, "end ", h->end);
	at = put_number(at, "born ", h->born);
	at = put_number(at, "lost ", h->lost);
	at = put_text(at, "since ", h->since[0] == '\0' ? "-" : h->since);
	sum_of((struct str){ out, (size_t)(at - out) }, sum);
	at = put_text(at, "sum ", sum);
	memset(at, ' ', (size_t)(out + REC_HEAD_BYTES - at)); /* always the same size */
	out[REC_HEAD_BYTES - 1] = '\n';
}

static bool
take_line(struct str *s, const char *key, uint64_t *out)
{
	return take(s, key) && take_number(s, out) && take(s, "\n");
}

static bool
take_since(struct str *s, char out[REC_STAMP_MAX])
{
	const char *nl = memchr(s->p, '\n', s->n);
	const size_t n = nl == NULL ? 0 : (size_t)(nl - s->p);

	if (n == 0 || n >= REC_STAMP_MAX)
		return false;
	memcpy(out, s->p, n);
	out[n] = '\0';
	if (strcmp(out, "-") == 0)
		out[0] = '\0';
	*s = str_skip(*s, n + 1);
	return strspn(out, "0123456789-:.TZ") == strlen(out);
}

bool
rec_head_read(struct str text, struct rec_head *h)
{
	struct str s = text;
	char sum[SUM_HEX + 1];
	char said[SUM_HEX + 1];

	*h = (struct rec_head){ .seq = 0 };
	if (text.n != REC_HEAD_BYTES || !take_line(&s, "seq ", &h->seq) ||
		!take(&s, "sha256 ") || !take_hex(&s, h->sha256, REC_SHA_HEX) ||
		!take(&s, "\n") || !take_line(&s, "oldest ", &h->oldest) ||
		!take_line(&s, "end ", &h->end) || !take_line(&s, "born ", &h->born) ||
		!take_line(&s, "lost ", &h->lost) || !take(&s, "since ") ||
		!take_since(&s, h->since))
		return false;
	sum_of((struct str){ text.p, (size_t)(s.p - text.p) }, sum);
	return take(&s, "sum ") && take_hex(&s, said, SUM_HEX) &&
	       strcmp(said, sum) == 0 && s.n > 0 && s.p[0] == '\n';
}

bool
rec_head_fits(const struct rec_head *h, const struct rec_link *l)
{
	return l->seq == h->seq + 1 && strcmp(l->prev, h->sha256) == 0;
}

bool
rec_head_could_begin(const struct rec_head *h, struct str text)
{
	char begin[LINK_MAX];
	const int n = snprintf(begin, sizeof begin,
		LINK_SEQ "%" PRIu64 LINK_PREV "%s" LINK_END, h->seq + 1, h->sha256);
	const size_t most = text.n < (size_t)n ? text.n : (size_t)n;

	return memcmp(text.p, begin, most) == 0 && memchr(text.p, '\n', text.n) == NULL;
}

void
rec_head_move(struct rec_head *h, struct str line)
{
	h->seq++;
	rec_sha256(line, h->sha256);
}
