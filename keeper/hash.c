#include "keeper/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum { HEAD_MAX = 32 };

const struct walk_sink hash_sink = { .file = hash_file, .link = hash_bytes };

static void
ctx_free(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static EVP_MD_CTX *
begin(int64_t size, struct err *e)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	char head[HEAD_MAX];
	const int n = snprintf(head, sizeof head, "blob %lld", (long long)size);

	if (c != NULL && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1 &&
		EVP_DigestUpdate(c, head, (size_t)n + 1) == 1) /* with its NUL */
		return c;
	EVP_MD_CTX_free(c);
	(void)err_set(e, ERR_SYS, "SHA-1 is not available");
	return NULL;
}

static int
end(EVP_MD_CTX *c, unsigned char oid[TREE_OID], struct err *e)
{
	return EVP_DigestFinal_ex(c, oid, NULL) == 1
		       ? 0
		       : err_set(e, ERR_SYS, "SHA-1 failed");
}

int
hash_file(void *unused, int fd, int64_t size, unsigned char oid[TREE_OID], struct err *e)
{
	CLEANUP(ctx_free) EVP_MD_CTX *c = begin(size, e);
	char step[HASH_STEP];

	(void)unused;
	if (c == NULL)
		return -1;
	while (size > 0) {
		const size_t want = size < HASH_STEP ? (size_t)size : HASH_STEP;
		const ssize_t k = read(fd, step, want);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "read");
		if (k == 0)
			return 1;
		if (EVP_DigestUpdate(c, step, (size_t)k) != 1)
			return err_set(e, ERR_SYS, "SHA-1 failed");
		size -= k;
	}
	return end(c, oid, e);
}

int
hash_bytes(void *unused, struct str bytes, unsigned char oid[TREE_OID], struct err *e)
{
	CLEANUP(ctx_free) EVP_MD_CTX *c = begin((int64_t)bytes.n, e);

	(void)unused;
	if (c == NULL)
		return -1;
	if (EVP_DigestUpdate(c, bytes.p, bytes.n) != 1)
		return err_set(e, ERR_SYS, "SHA-1 failed");
	return end(c, oid, e);
}

void
hash_hex(const unsigned char oid[TREE_OID], char hex[KEEPER_ID_HEX + 1])
{
	for (size_t i = 0; i < TREE_OID; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned int)oid[i]);
}
