/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The laboratory's first process. It mounts what a program expects, runs the one command it was given,
 * relays that command's standard streams to the host in frames (link.h describes them), sends back the
 * files asked for, and reports how the command ended. The host then ends the machine: nothing here needs an
 * orderly shutdown.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "job.h"
#include "link.h"

static const struct {
	const char *source, *target, *type;
	unsigned long flags;
} mounts[] = {
	{"proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC},
	{"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC},
	{"devtmpfs", "/dev", "devtmpfs", MS_NOSUID},
	{"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC},
	{"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV},
	{"debugfs", "/sys/kernel/debug", "debugfs", MS_NOSUID | MS_NODEV | MS_NOEXEC},
	{"tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

static const struct {
	const char *target, *path;
} links[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

static void mount_all(void)
{
	/*
	 * What a kernel lacks (debugfs, say) is the command's to miss; the link tells if /dev itself is not
	 * there.
	 */
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].target, 0755);
		mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags, NULL);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		(void)!symlink(links[i].target, links[i].path);
}

/* Tests that talk to themselves over 127.0.0.1 expect the interface to be up. */
static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/*
 * What this kernel's KVM offers, for "salvage lab --fetch" to print: asked for, not concluded from its
 * version.
 */
static void say_hello(void)
{
	enum { KVM_CHECK_EXTENSION = 0xae03 };
	static const int caps[] = {177, 178, 245, 105};
	struct utsname name = {0};
	char text[512];
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), length;

	uname(&name);
	length = snprintf(text, sizeof(text), "protocol=%d\nrelease=%s\nkvm=%d\n", LINK_PROTOCOL,
			  name.release, kvm >= 0);
	for (size_t i = 0; kvm >= 0 && i < sizeof(caps) / sizeof(*caps); i++)
		length += snprintf(text + length, sizeof(text) - length, "cap%d=%d\n", caps[i],
				   ioctl(kvm, KVM_CHECK_EXTENSION, caps[i]));
	if (kvm >= 0)
		close(kvm);
	link_send(LINK_HELLO, text, length);
}

/* Where several modules have a symbol of this name, the first is the kernel's own. */
static void send_symbols(const struct job *job)
{
	char line[512], text[512], address[17], name[256];
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned left = job->symbol_count;

	while (left && file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%16[0-9a-f] %*c %255s", address, name) != 2)
			continue;
		for (unsigned i = 0; i < job->symbol_count; i++) {
			if (strcmp(name, job->symbols[i]))
				continue;
			link_send(LINK_SYMBOL, text, snprintf(text, sizeof(text), "%s %s", name, address));
			left--;
		}
	}
	if (file)
		fclose(file);
}

/*
 * The port by which the command talks to the host's debugger, under the name that udev would give it. Its
 * driver makes it in the background.
 */
static void name_port(void)
{
	enum { TRIES = 2000, PAUSE_US = 5000 };

	for (int i = 0; i < TRIES && access("/dev/vport0p2", F_OK); i++)
		usleep(PAUSE_US);
	mkdir("/dev/virtio-ports", 0755);
	(void)!symlink("../vport0p2", "/dev/virtio-ports/salvage.sea");
}

static _Noreturn void end(void)
{
	/*
	 * The host ends the machine when it has read the last frame. Should it be gone, the machine ends
	 * itself.
	 */
	sleep(60);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static _Noreturn void fail(const char *what, const char *name)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "%s: %s: %s", name, what, strerror(errno));

	link_send(LINK_FAILURE, text, length < (int)sizeof(text) ? length : (int)sizeof(text) - 1);
	end();
}

/* Runs in the child. Its status pipe is closed by a successful exec; otherwise it carries errno. */
static _Noreturn void become(const struct job *job, const int streams[3], int status, const sigset_t *mask)
{
	setsid();
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	for (int i = 0; i < 3; i++)
		dup2(streams[i], i);
	if (!chdir(job->cwd))
		execve(job->path, job->argv, job->env);
	if (write(status, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

/* The three pipes: stdin's writing end, stdout's and stderr's reading ends stay here, not blocking. */
static pid_t start(const struct job *job, int ends[3], const sigset_t *mask)
{
	int theirs[3], status[2], error;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC))
			fail("pipe", job->path);
		theirs[i] = fds[i != 0];
		ends[i] = fds[i == 0];
		fcntl(ends[i], F_SETFL, O_NONBLOCK);
	}
	if (pipe2(status, O_CLOEXEC))
		fail("pipe", job->path);
	pid = fork();
	if (pid < 0)
		fail("fork", job->path);
	if (!pid)
		become(job, theirs, status[1], mask);
	close(status[1]);
	for (int i = 0; i < 3; i++)
		close(theirs[i]);
	if (read(status[0], &error, sizeof(error)) == sizeof(error)) {
		errno = error;
		fail("cannot be executed", job->path);
	}
	close(status[0]);
	return pid;
}

/* Orphans are inherited by process 1 and are reaped with the rest. True when the command itself has ended. */
static bool reap(int signals, pid_t command, int *wait_status)
{
	struct signalfd_siginfo info;
	bool ended = false;
	int status;
	pid_t pid;

	while (read(signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		*wait_status = status;
		ended = true;
	}
	return ended;
}

static void send_outputs(const struct job *job)
{
	static char data[LINK_MAX];

	for (unsigned i = 0; i < job->output_count; i++) {
		struct stat st;
		ssize_t n = -1;
		int error = 0, fd = open(job->outputs[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		/* A directory or a device has no contents to bring back. */
		if (fd >= 0 && !fstat(fd, &st) && !S_ISREG(st.st_mode)) {
			close(fd);
			fd = -1;
			errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		}
		link_send_u32(LINK_FILE, i);
		while (fd >= 0 && (n = read(fd, data, sizeof(data))) > 0)
			link_send(LINK_FILE_DATA, data, n);
		if (n < 0)
			error = errno;
		if (fd >= 0)
			close(fd);
		link_send_u32(LINK_FILE_END, error);
	}
}

static void relay_until_end(const struct job *job, pid_t command, int ends[3], int signals)
{
	enum { LINK, STDIN, STDOUT, STDERR, SIGNALS };
	int wait_status = 0;
	bool ended = false;

	link_stdin_start(ends[0]);
	while (!ended) {
		struct pollfd fds[] = {
			[LINK] = {link_fd(), POLLIN, 0},  [STDIN] = {link_stdin_wants(), POLLOUT, 0},
			[STDOUT] = {ends[1], POLLIN, 0},  [STDERR] = {ends[2], POLLIN, 0},
			[SIGNALS] = {signals, POLLIN, 0},
		};

		if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0 && errno != EINTR)
			fail("poll", "init");
		if (fds[SIGNALS].revents)
			ended = reap(signals, command, &wait_status);
		if (fds[STDIN].revents)
			link_stdin_flush();
		if (fds[STDOUT].revents || ended)
			link_output(LINK_STDOUT, &ends[1], ended);
		if (fds[STDERR].revents || ended)
			link_output(LINK_STDERR, &ends[2], ended);
		if (fds[LINK].revents && !ended)
			link_receive(ends);
	}
	send_outputs(job);
	link_send_u32(WIFSIGNALED(wait_status) ? LINK_KILLED : LINK_EXIT,
		      WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

int main(void)
{
	static struct job job;
	sigset_t mask, old;
	int ends[3];

	umask(022);
	mount_all();
	if (!link_open())
		end();
	/* Writing to a command that has closed its stdin is an error to handle, not to die of. */
	signal(SIGPIPE, SIG_IGN);
	say_hello();
	loopback_up();
	sethostname("laboratory", 10);
	if (!job_read(&job, JOB_FILE))
		fail("cannot be read", JOB_FILE);
	if (job.symbol_count) {
		send_symbols(&job);
		name_port();
	}

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old);
	int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		fail("signalfd", "init");
	pid_t command = start(&job, ends, &old);
	relay_until_end(&job, command, ends, signals);
	end();
}
