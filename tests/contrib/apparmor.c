/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In the laboratory: loads a policy, and starts the chain of libvirt's recipe under it. It is all of the
 * chain's programs, each a copy of itself; each says how it was started. argv: POLICY, then the paths of the
 * script, salvage, QEMU and the preload.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CURRENT "/proc/self/attr/current"
#define EXEC    "/proc/self/attr/exec"

static int put(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		error = errno;
	if (error)
		printf("%s: %s\n", path, strerror(error));
	close(fd);
	return error;
}

static void copy(const char *from, const char *to)
{
	static char bytes[1 << 16];
	int in = open(from, O_RDONLY), out;
	char path[300];
	ssize_t length;

	snprintf(path, sizeof(path), "%s", to);
	for (char *slash = path; (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = 0;
		mkdir(path, 0755);
	}
	out = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	while ((length = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)length) != length)
			perror(to);
	close(in);
	close(out);
}

/* What a program of the chain finds of itself. */
static void tell(const char *who)
{
	char label[100] = "";
	int fd = open(CURRENT, O_RDONLY);
	ssize_t length = read(fd, label, sizeof(label) - 1);

	label[length > 0 ? strcspn(label, " \n") : 0] = 0;
	close(fd);
	printf("%s: %s, AT_SECURE %lu, %s\n", who, label, getauxval(AT_SECURE),
	       getenv("LD_PRELOAD") ? "with preload" : "without");
	fflush(stdout);
}

static int become(const char *path, const char *name, char **argv)
{
	argv[0] = (char *)name;
	execv(path, argv);
	printf("%s: %s\n", path, strerror(errno));
	return 1;
}

static int chain(const char *profile, char **argv)
{
	char text[100];
	int status;

	printf("%s\n", profile);
	fflush(stdout);
	if (!fork()) {
		/* As libvirt's daemon does it, out of a profile of its own. */
		put(CURRENT, "changeprofile daemon", 20);
		snprintf(text, sizeof(text), "exec %s", profile);
		put(EXEC, text, strlen(text));
		_exit(become(argv[2], "script", argv));
	}
	wait(&status);
	return status;
}

int main(int argc, char **argv)
{
	static char policy[1 << 20];
	ssize_t size;
	int fd;

	if (!strcmp(argv[0], "script")) {
		tell(argv[0]);
		return become(argv[3], "salvage", argv);
	}
	if (!strcmp(argv[0], "salvage")) {
		tell(argv[0]);
		printf("preload: %s\n", open(argv[5], O_RDONLY) < 0 ? strerror(errno) : "can be read");
		fflush(stdout);
		setenv("LD_PRELOAD", argv[5], 1);
		return become(argv[4], "qemu", argv);
	}
	if (!strcmp(argv[0], "qemu")) {
		tell(argv[0]);
		return 0;
	}
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	fd = open(argv[1], O_RDONLY);
	size = read(fd, policy, sizeof(policy));
	if (size <= 0 || put("/sys/kernel/security/apparmor/.load", policy, (size_t)size))
		return 77;
	for (int i = 2; i < 6; i++)
		copy("/proc/self/exe", argv[i]);
	chain("guest", argv);
	chain("other", argv);
	return 0;
}
