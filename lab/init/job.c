/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job.h"

struct cursor {
	char *next, *end;
};

/* The next string, or NULL at the end and ever after. */
static char *string(struct cursor *c)
{
	char *text = c->next, *nul = text ? memchr(text, 0, c->end - text) : NULL;

	c->next = nul ? nul + 1 : NULL;
	return nul ? text : NULL;
}

static char **list(struct cursor *c, unsigned *count)
{
	char *number = string(c), **strings;

	/* A string takes a byte at least, so the rest of the file bounds the count. */
	*count = number ? strtoul(number, NULL, 10) : 0;
	if (!c->next || *count > (size_t)(c->end - c->next))
		return NULL;
	strings = calloc(*count + 1, sizeof(*strings));
	for (unsigned i = 0; strings && i < *count; i++) {
		strings[i] = string(c);
		if (!strings[i])
			return NULL;
	}
	return strings;
}

bool job_read(struct job *job, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	unsigned count;
	char *data;

	if (fd < 0 || fstat(fd, &st))
		return false;
	data = malloc(st.st_size + 1);
	if (!data || read(fd, data, st.st_size) != st.st_size)
		return false;
	close(fd);

	struct cursor c = {data, data + st.st_size};
	job->path = string(&c);
	job->cwd = string(&c);
	job->argv = list(&c, &count);
	job->env = list(&c, &count);
	job->outputs = list(&c, &job->output_count);
	job->symbols = list(&c, &job->symbol_count);
	errno = EINVAL;
	return job->path && job->cwd && job->argv && job->argv[0] && job->env && job->outputs && job->symbols;
}
