#include "base/secret.h"

#include <stddef.h>
#include <sys/random.h>

static int
random_hex(char *out, size_t digits, struct err *e)
{
	unsigned char raw[SECRET_HEX / 2];

	if (getrandom(raw, digits / 2, 0) != (ssize_t)(digits / 2))
		return err_sys(e, "get random bytes");
	for (size_t i = 0; i < digits / 2; i++) {
		out[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	out[digits] = '\0';
	return 0;
}

int
secret_new(struct secret *s, struct err *e)
{
	return random_hex(s->hex, SECRET_HEX, e);
}

bool
secret_is(const struct secret *s, struct str given)
{
	unsigned char diff = 0;

	if (given.n != SECRET_HEX)
		return false;
	for (size_t i = 0; i < SECRET_HEX; i++)
		diff |= (unsigned char)(s->hex[i] ^ given.p[i]);
	return diff == 0;
}

int
id_new(char out[ID_HEX + 1], struct err *e)
{
	return random_hex(out, ID_HEX, e);
}
