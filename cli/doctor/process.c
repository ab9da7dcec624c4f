/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM that runs. Its seccomp filters are read with ptrace, and run here on the calls that the preload would
 * make on a vCPU's thread.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/kvm/uapi.h"
#include "doctor.h"
#include "filter.h"
#include "program.h"

#define FILTERS_MAX 64
#define KINDS_MAX   16

/* asm/unistd.h of the architecture that the VMM is for, and linux/audit.h's name of it. */
static const struct calls {
	uint16_t machine;
	uint32_t arch;
	int ioctl, write;
} call_numbers[] = {
	{EM_AARCH64, AUDIT_ARCH_AARCH64, 29, 64},
	{EM_X86_64, AUDIT_ARCH_X86_64, 16, 1},
};

/* What the preload adds to what a vCPU's thread does already. A request of 0: write(2). */
static const struct {
	const char *name;
	uint32_t request;
} wanted[] = {
	{"KVM_GET_ONE_REG", SV_KVM_GET_ONE_REG},
	{"KVM_SET_ONE_REG", SV_KVM_SET_ONE_REG},
	{"KVM_SET_VCPU_EVENTS", SV_KVM_SET_VCPU_EVENTS},
	{"write", 0},
};

#define WANTED (sizeof(wanted) / sizeof(*wanted))

/* Threads that are refused the same things. */
struct kind {
	uint32_t answers[WANTED];
	bool refused;
	pid_t first;
	char name[32];
	unsigned threads;
};

struct look {
	struct doctor *doctor;
	pid_t pid;
	const struct calls *calls;
	uint64_t vcpu_fd;
	struct kind kinds[KINDS_MAX];
	unsigned kind_count, threads, filtered, vcpus, strict;
	int error; /* why a thread's filters could not be read */
};

static int proc_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t proc_read(pid_t pid, const char *name, void *buffer, size_t size)
{
	int fd = proc_open(pid, name);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size);

	if (fd >= 0)
		close(fd);
	return length;
}

/* The value of a line of /proc/PID/status, e.g. "Seccomp:"; -1 if there is none. */
static int status_value(pid_t pid, const char *key)
{
	char text[8192];
	ssize_t length = proc_read(pid, "status", text, sizeof(text) - 1);
	const char *line;

	if (length < 0)
		return -1;
	text[length] = 0;
	line = strstr(text, key);
	return line ? atoi(line + strlen(key)) : -1;
}

/* The answer of all of a stopped thread's filters to one call. */
static bool ask_filters(struct sock_filter *const *filters, const size_t *counts, size_t filter_count,
			const struct seccomp_data *call, uint32_t *answer)
{
	uint32_t one;

	*answer = SECCOMP_RET_ALLOW;
	for (size_t i = 0; i < filter_count; i++) {
		if (!filter_run(filters[i], counts[i], call, &one))
			return false;
		*answer = filter_stricter(*answer, one);
	}
	return true;
}

static struct seccomp_data make_call(const struct look *look, uint32_t request)
{
	struct seccomp_data call = {.arch = look->calls->arch,
				    .nr = look->calls->write,
				    .args = {STDERR_FILENO}};

	if (request) {
		call.nr = look->calls->ioctl;
		call.args[0] = look->vcpu_fd;
		call.args[1] = request;
	}
	return call;
}

static void count_kind(struct look *look, pid_t thread, const uint32_t *answers)
{
	struct kind *kind = look->kinds, *end = kind + look->kind_count;

	while (kind < end && memcmp(kind->answers, answers, sizeof(kind->answers)))
		kind++;
	if (kind == end) {
		ssize_t length;

		if (look->kind_count == KINDS_MAX)
			return;
		look->kind_count++;
		*kind = (struct kind){.first = thread};
		memcpy(kind->answers, answers, sizeof(kind->answers));
		for (size_t i = 0; i < WANTED; i++)
			kind->refused |= !filter_allows(answers[i]);
		length = proc_read(thread, "comm", kind->name, sizeof(kind->name) - 1);
		kind->name[length > 0 ? strcspn(kind->name, "\n") : 0] = 0;
	}
	kind->threads++;
}

/* Only a thread that may call KVM_RUN can be a vCPU's; what others may do is their own matter. */
static bool judge(struct look *look, pid_t thread, struct sock_filter *const *filters, const size_t *counts,
		  size_t filter_count)
{
	struct seccomp_data call = make_call(look, SV_KVM_RUN);
	uint32_t answers[WANTED], run;

	if (!ask_filters(filters, counts, filter_count, &call, &run))
		return false;
	if (!filter_allows(run))
		return true;
	look->vcpus++;
	for (size_t i = 0; i < WANTED; i++) {
		call = make_call(look, wanted[i].request);
		if (!ask_filters(filters, counts, filter_count, &call, &answers[i]))
			return false;
		/* What a filter answers beyond what is done is no difference between threads. */
		if (filter_allows(answers[i]))
			answers[i] = SECCOMP_RET_ALLOW;
	}
	count_kind(look, thread, answers);
	return true;
}

/* The filters of a stopped thread; 0, or why not. */
static int read_filters(struct look *look, pid_t thread)
{
	struct sock_filter *filters[FILTERS_MAX];
	size_t counts[FILTERS_MAX], number = 0;
	int error = 0;

	for (; number < FILTERS_MAX; number++) {
		long count = ptrace(PTRACE_SECCOMP_GET_FILTER, thread, number, NULL);

		if (count < 0) {
			/* ENOENT: that was the last one. */
			error = errno == ENOENT ? 0 : errno;
			break;
		}
		filters[number] = calloc((size_t)count, sizeof(**filters));
		counts[number] = (size_t)count;
		if (!filters[number] ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, thread, number, filters[number]) != count) {
			error = filters[number] ? errno : ENOMEM;
			free(filters[number]);
			break;
		}
	}
	if (!error && !judge(look, thread, filters, counts, number))
		error = EILSEQ;
	while (number)
		free(filters[--number]);
	return error;
}

/* Stops a thread for as long as its filters are read; KVM_RUN returns EINTR to it, as on any signal. */
static int look_at_thread(struct look *look, pid_t thread)
{
	int status, error;

	if (ptrace(PTRACE_SEIZE, thread, NULL, NULL))
		return errno;
	if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) || waitpid(thread, &status, __WALL) != thread ||
	    !WIFSTOPPED(status))
		return ESRCH;
	error = read_filters(look, thread);
	/* A signal that stopped it instead is its own. */
	ptrace(PTRACE_DETACH, thread, NULL, (void *)(uintptr_t)(status >> 16 ? 0 : WSTOPSIG(status)));
	return error;
}

static void look_at_threads(struct look *look)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)look->pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		pid_t thread = atoi(entry->d_name);
		int mode = thread ? status_value(thread, "\nSeccomp:") : -1, error;

		if (!thread)
			continue;
		look->threads++;
		look->strict += mode == SECCOMP_MODE_STRICT;
		if (mode != SECCOMP_MODE_FILTER)
			continue;
		look->filtered++;
		error = look_at_thread(look, thread);
		if (error && !look->error)
			look->error = error;
	}
	if (tasks)
		closedir(tasks);
}

static void say_kind(struct look *look, const struct kind *kind)
{
	const char *separator = "";
	char text[400] = "";

	for (size_t i = 0; i < WANTED; i++) {
		if (filter_allows(kind->answers[i]))
			continue;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s: %s", separator,
			 wanted[i].name, filter_answer(kind->answers[i]));
		separator = ", ";
	}
	doctor_say(look->doctor, DOCTOR_LACK, "seccomp",
		   "start the VMM without its filters, or let them have these calls",
		   "%u threads (first %d, %s) may call KVM_RUN, but not what salvage needs (%s)",
		   kind->threads, (int)kind->first, kind->name, text);
}

static void look_at_seccomp(struct look *look)
{
	struct doctor *doctor = look->doctor;
	bool refused = false;

	look_at_threads(look);
	for (unsigned i = 0; i < look->kind_count; i++) {
		if (!look->kinds[i].refused)
			continue;
		refused = true;
		say_kind(look, &look->kinds[i]);
	}
	if (look->error)
		doctor_say(doctor, DOCTOR_LACK, "seccomp",
			   "run salvage doctor as root outside of containers, on a kernel with "
			   "CONFIG_CHECKPOINT_RESTORE",
			   "%u of %u threads have filters, which could not be read: %s", look->filtered,
			   look->threads, look->error == EILSEQ ? "not classic BPF" : strerror(look->error));
	else if (look->strict)
		doctor_say(doctor, DOCTOR_LACK, "seccomp", "start it without",
			   "%u of %u threads are in strict mode", look->strict, look->threads);
	else if (!look->filtered)
		doctor_say(doctor, DOCTOR_OK, "seccomp", NULL, "none of %u threads has a filter",
			   look->threads);
	else if (!refused)
		doctor_say(doctor, DOCTOR_OK, "seccomp", NULL,
			   "%u of %u threads have filters; all %u of these that may call KVM_RUN may do what "
			   "salvage needs",
			   look->filtered, look->threads, look->vcpus);
}

/* The number of a vCPU's descriptor, for filters that name descriptors; 0 if there is none. */
static uint64_t find_vcpu_fd(pid_t pid)
{
	char path[300], target[64];
	struct dirent *entry;
	uint64_t found = 0;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = 0;
		if (!strncmp(target, "anon_inode:kvm-vcpu", 19))
			found = strtoull(entry->d_name, NULL, 10);
	}
	if (fds)
		closedir(fds);
	return found;
}

/* The kernel's own word on whether the dynamic linker ignored LD_PRELOAD. */
static void look_at_start(struct doctor *doctor, pid_t pid)
{
	Elf64_auxv_t vector[64];
	ssize_t length = proc_read(pid, "auxv", vector, sizeof(vector));
	uint64_t secure = 0;

	for (ssize_t i = 0; i < length / (ssize_t)sizeof(*vector); i++)
		if (vector[i].a_type == AT_SECURE)
			secure = vector[i].a_un.a_val;
	if (length < 0)
		doctor_say(doctor, DOCTOR_NOTE, "AT_SECURE", "look as root", "cannot be read: %s",
			   strerror(errno));
	else if (secure)
		doctor_say(
			doctor, DOCTOR_LACK, "AT_SECURE",
			"its bits, capabilities, AppArmor transition (Pix: pix) or SELinux domain (noatsecure)",
			"it was started with AT_SECURE: the dynamic linker ignored any preload");
	else
		doctor_say(doctor, DOCTOR_OK, "AT_SECURE", NULL, "it was started without");
}

static void look_at_maps(struct doctor *doctor, pid_t pid)
{
	int fd = proc_open(pid, "maps");
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	bool wrapped = false;
	size_t size = 0;

	while (maps && getline(&line, &size, maps) > 0)
		wrapped |= strstr(line, "libsalvage-wrap.so") != NULL;
	doctor_say(doctor, wrapped ? DOCTOR_OK : DOCTOR_NOTE, "wrapped", NULL,
		   wrapped ? "the preload is in it" : "the preload is not in it");
	free(line);
	if (maps)
		fclose(maps);
	else if (fd >= 0)
		close(fd);
}

static void look_at_label(struct doctor *doctor, pid_t pid)
{
	char label[256];
	ssize_t length = proc_read(pid, "attr/current", label, sizeof(label) - 1);

	/* Without a security module the file is there and empty, or cannot be read. */
	if (length <= 0)
		return;
	label[length] = 0;
	label[strcspn(label, "\n")] = 0;
	if (*label && strcmp(label, "unconfined"))
		doctor_say(doctor, DOCTOR_NOTE, "confined",
			   "its profile or domain has to let it map the preload (docs/howto/libvirt.md)",
			   "by %s", label);
}

void doctor_process(struct doctor *doctor, pid_t pid)
{
	struct look look = {.doctor = doctor, .pid = pid};
	char path[64], target[400] = "its program";
	int fd = proc_open(pid, "exe");
	struct program program;
	ssize_t length;

	if (fd < 0) {
		doctor_say(doctor, DOCTOR_LACK, "VMM",
			   "give the number of a process that runs, and look as root", "process %d: %s",
			   (int)pid, strerror(errno));
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	length = readlink(path, target, sizeof(target) - 1);
	if (length > 0)
		target[length] = 0;
	program_read(fd, &program);
	close(fd);
	doctor_open_program(doctor, path, target, false);
	look_at_start(doctor, pid);
	look_at_maps(doctor, pid);
	look_at_label(doctor, pid);
	for (size_t i = 0; i < sizeof(call_numbers) / sizeof(*call_numbers); i++)
		if (call_numbers[i].machine == program.machine)
			look.calls = &call_numbers[i];
	if (!look.calls) {
		doctor_say(doctor, DOCTOR_NOTE, "seccomp", NULL,
			   "not looked at: a program of another architecture");
		return;
	}
	look.vcpu_fd = find_vcpu_fd(pid);
	look_at_seccomp(&look);
}
