/* SPDX-License-Identifier: BSD-2-Clause */
/* What the end-to-end tests run in the laboratory: one behaviour a word. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern char **environ;

/* stdin to stdout, whatever the bytes. */
static int echo(char **argv)
{
	static char data[65536];
	ssize_t n;

	(void)argv;
	while ((n = read(0, data, sizeof(data))) > 0)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(1, data + done, n - done)) < 0)
				return 1;
	fputs("echoed\n", stderr);
	return n < 0;
}

static int status(char **argv)
{
	return atoi(argv[0]);
}

static int die(char **argv)
{
	puts("dying");
	fflush(stdout);
	return raise(atoi(argv[0]));
}

/* Writes its second word to the file that is its first, and ends with its third. */
static int save(char **argv)
{
	FILE *file = fopen(argv[0], "w");

	if (!file || fputs(argv[1], file) < 0 || fclose(file))
		return 99;
	return atoi(argv[2]);
}

/* What the command finds around it. */
static int surroundings(char **argv)
{
	char cwd[4096];

	printf("cwd %s\nuid %d\ncpus %ld\n", getcwd(cwd, sizeof(cwd)), (int)getuid(),
	       sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = 0; argv[i]; i++)
		printf("argument [%s]\n", argv[i]);
	for (char **variable = environ; *variable; variable++)
		printf("variable %s\n", *variable);
	for (const char *const *path =
		     (const char *const[]){"/proc/self", "/sys/kernel", "/dev/null", "/dev/shm",
					   "/dev/pts/ptmx", "/dev/fd/0", "/tmp", NULL};
	     *path; path++)
		printf("%s %s\n", *path, access(*path, R_OK) ? "missing" : "there");
	return 0;
}

static int kvm(char **argv)
{
	enum { GET_API_VERSION = 0xae00, CREATE_VM = 0xae01, CHECK_EXTENSION = 0xae03 };
	int fd = open("/dev/kvm", O_RDWR), vm = fd < 0 ? -1 : ioctl(fd, CREATE_VM, 0);

	printf("version %d\nvm %s\n", fd < 0 ? -1 : ioctl(fd, GET_API_VERSION, 0),
	       vm < 0 ? "none" : "created");
	for (; *argv; argv++)
		printf("capability %s %d\n", *argv, ioctl(vm, CHECK_EXTENSION, atoi(*argv)));
	return 0;
}

static int panic(char **argv)
{
	FILE *trigger = fopen("/proc/sysrq-trigger", "w");

	(void)argv;
	puts("about to");
	fflush(stdout);
	getchar();
	if (!trigger || fputs("c", trigger) < 0 || fclose(trigger))
		return 99;
	pause();
	return 98;
}

static int wait_forever(char **argv)
{
	(void)argv;
	puts("waiting");
	fflush(stdout);
	while (pause())
		;
	return 98;
}

/* Until nobody reads: the signal that ends it is the one a pipe gives. */
static int flood(char **argv)
{
	(void)argv;
	while (puts("flood") >= 0)
		;
	return 98;
}

/* Leaves a process behind that holds the streams open and keeps on writing. */
static int orphan(char **argv)
{
	(void)argv;
	if (!fork())
		flood(argv);
	return 4;
}

/* The files named, one after the other. */
static int show(char **argv)
{
	static char data[4096];

	for (; *argv; argv++) {
		int fd = open(*argv, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

		if (n < 0 || write(1, data, n) != n)
			return 99;
		close(fd);
	}
	return 0;
}

static const struct {
	const char *word;
	int arguments;
	int (*run)(char **argv);
} behaviours[] = {
	{"echo", 0, echo},
	{"status", 1, status},
	{"die", 1, die},
	{"save", 3, save},
	{"surroundings", 0, surroundings},
	{"kvm", 0, kvm},
	{"panic", 0, panic},
	{"wait", 0, wait_forever},
	{"flood", 0, flood},
	{"orphan", 0, orphan},
	{"show", 0, show},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(behaviours) / sizeof(*behaviours); i++)
		if (argc > 1 + behaviours[i].arguments && !strcmp(argv[1], behaviours[i].word))
			return behaviours[i].run(argv + 2);
	fprintf(stderr, "guest: no such behaviour\n");
	return 97;
}
