/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

int cli_fail(int status, const char *what, const char *why, ...)
{
	va_list ap;

	flockfile(stderr);
	fprintf(stderr, "salvage: %s: ", what);
	va_start(ap, why);
	vfprintf(stderr, why, ap);
	va_end(ap);
	fputc('\n', stderr);
	funlockfile(stderr);
	return status;
}

static bool is_prefixed(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* strtoull alone would take signs, white space, trailing text, and a prefix of its own behind ours. */
static bool parse(const char *text, int base, uint64_t *value, char **end)
{
	bool prefixed = is_prefixed(text);
	const char *digits = prefixed ? text + 2 : text;
	const char *set = prefixed || base == 16 ? "0123456789abcdefABCDEF" : "0123456789";

	if (!*digits || !strchr(set, *digits) || (prefixed && is_prefixed(digits)))
		return false;
	errno = 0;
	*value = strtoull(digits, end, prefixed ? 16 : base);
	return errno == 0;
}

bool cli_number(const char *text, uint64_t *value)
{
	char *end;

	return parse(text, 10, value, &end) && !*end;
}

bool cli_hex(const char *text, uint64_t *value)
{
	char *end;

	return parse(text, 16, value, &end) && !*end;
}

bool cli_size(const char *text, uint64_t *value)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!parse(text, 10, value, &end))
		return false;
	if (!*end)
		return true;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return false;
	unsigned shift = 10 * (unsigned)(unit - units + 1);
	if (*value > UINT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

char *cli_resource(const char *name)
{
	static const char *const roots[] = {SALVAGE_BUILD_DIR, SALVAGE_SOURCE_DIR, SALVAGE_LIBEXEC_DIR};
	char self[4096], *path;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	/* Beside the command first, so that a build tree that was moved still finds its own. */
	if (length > 0) {
		self[length] = 0;
		*strrchr(self, '/') = 0;
		if (asprintf(&path, "%s/%s", self, name) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		if (asprintf(&path, "%s/%s", roots[i], name) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	errno = ENOENT;
	return NULL;
}

char *cli_first_resource(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *path = *names[i] == '/' ? strdup(names[i]) : cli_resource(names[i]);

		if (path && !access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}
