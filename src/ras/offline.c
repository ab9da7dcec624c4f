/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "offline.h"

/* An entry of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PRESENT (UINT64_C(1) << 63)
#define SWAPPED (UINT64_C(1) << 62)
#define PFN     ((UINT64_C(1) << 55) - 1)

static bool fail(char *why, size_t size, const char *text, ...) __attribute__((format(printf, 3, 4)));

static bool fail(char *why, size_t size, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	vsnprintf(why, size, text, ap);
	va_end(ap);
	return false;
}

bool offline_find(const struct offline_files *files, uint64_t address, uint64_t *physical, char *why,
		  size_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry;
	int fd = open(files->pagemap, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int error;

	if (fd < 0)
		return fail(why, size, "%s: %s%s", files->pagemap, strerror(errno),
			    errno == ENOENT                     ? "; is the process still running?"
			    : errno == EACCES || errno == EPERM ? "; run this as root"
								: "");
	got = pread(fd, &entry, sizeof(entry), (off_t)(address / page * sizeof(entry)));
	error = errno;
	close(fd);
	if (got < 0)
		return fail(why, size, "%s: %s", files->pagemap, strerror(error));
	if (got != sizeof(entry))
		return fail(why, size, "0x%" PRIx64 " is beyond the process's address space", address);
	if (entry & SWAPPED)
		return fail(why, size,
			    "the page at 0x%" PRIx64 " is swapped out: no memory of the host holds it",
			    address);
	if (!(entry & PRESENT))
		return fail(why, size,
			    "nothing is mapped at 0x%" PRIx64
			    " in that process; is it the one that had the error?",
			    address);
	if (!(entry & PFN))
		return fail(why, size,
			    "the kernel hides page frame numbers: run this as root (CAP_SYS_ADMIN)");
	*physical = (entry & PFN) * page;
	return true;
}

bool offline_page(const struct offline_files *files, uint64_t physical, bool hard, bool dry, char *why,
		  size_t size)
{
	const char *file = hard ? files->hard : files->soft;
	int fd = open(file, O_WRONLY | O_CLOEXEC), error = 0, length;
	char text[32];

	if (fd < 0)
		return fail(why, size, "%s: %s%s", file, strerror(errno),
			    errno == ENOENT ? "; this host's kernel lacks CONFIG_MEMORY_FAILURE"
			    : errno == EACCES || errno == EPERM ? "; run this as root (CAP_SYS_ADMIN)"
								: "");
	length = snprintf(text, sizeof(text), "0x%" PRIx64 "\n", physical);
	if (!dry && write(fd, text, (size_t)length) != length)
		error = errno;
	close(fd);
	if (!error)
		return true;
	return fail(why, size, "%s: 0x%" PRIx64 ": %s%s", file, physical, strerror(error),
		    error == EBUSY ? "; the page is in use by the kernel or could not be isolated: try again"
		    : error == EPERM ? "; run this as root (CAP_SYS_ADMIN)"
		    : error == ENXIO ? "; that is no memory of this host"
				     : "");
}
