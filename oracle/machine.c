/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

#define SLOT_OFFSET(member) ((int)offsetof(struct slot, member) - SLOT_MIDDLE)

_Static_assert(sizeof(struct slot) == SLOT_BYTES, "slot");
_Static_assert(SLOT_OFFSET(in_v) == IN_V && SLOT_OFFSET(in) == IN_X, "in");
_Static_assert(SLOT_OFFSET(in.sp_el0) == IN_SP && SLOT_OFFSET(in.pc) == IN_PC, "in");
_Static_assert(SLOT_OFFSET(code_pa) == IN_CODE, "code");
_Static_assert(SLOT_OFFSET(outcome) == OUTCOME && SLOT_OFFSET(out_v) == OUT_V, "out");
_Static_assert(sizeof(struct outcome) == OUTCOME_BYTES && sizeof(struct trap) == 40, "outcome");
_Static_assert(offsetof(struct outcome, out) == OUT_X && offsetof(struct outcome, out.sp_el0) == OUT_SP,
	       "outcome");
_Static_assert(offsetof(struct outcome, out.pc) == OUT_PC && offsetof(struct outcome, trap) == OUT_TRAP,
	       "outcome");
_Static_assert(offsetof(struct vectors, in_p) == VECTORS_Z && offsetof(struct vectors, out_z) == VECTORS_OUT,
	       "vectors");
_Static_assert(sizeof(struct vectors) == VECTORS_BYTES, "vectors");
_Static_assert(offsetof(struct mail, produced) == MAIL_PRODUCED && offsetof(struct mail, done) == MAIL_DONE,
	       "mail");
_Static_assert(offsetof(struct mail, fatal) == MAIL_FATAL && offsetof(struct mail, batch) == MAIL_BATCHES,
	       "mail");
_Static_assert(offsetof(struct mail, ready) == MAIL_READY && offsetof(struct mail, dczid) == MAIL_DCZID &&
		       offsetof(struct mail, lengths) == MAIL_LENGTHS,
	       "mail");
_Static_assert(sizeof(struct batch) == BATCH_BYTES, "batch");
_Static_assert(offsetof(struct batch, count) == BATCH_COUNT && offsetof(struct batch, passes) == BATCH_PASSES,
	       "batch");
_Static_assert(offsetof(struct batch, slots_pa) == BATCH_SLOTS &&
		       offsetof(struct batch, sctlr) == BATCH_SCTLR,
	       "batch");
_Static_assert(offsetof(struct batch, ttbr0) == BATCH_TTBR0 && offsetof(struct batch, tcr) == BATCH_TCR,
	       "batch");
_Static_assert(offsetof(struct batch, mair) == BATCH_MAIR && offsetof(struct batch, vtcr) == BATCH_VTCR,
	       "batch");
_Static_assert(offsetof(struct batch, vttbr) == BATCH_VTTBR, "batch");
_Static_assert(offsetof(struct batch, vectors_pa) == BATCH_VECTORS &&
		       offsetof(struct batch, zcr) == BATCH_ZCR && offsetof(struct batch, full) == BATCH_FULL,
	       "batch");
_Static_assert(VECTORS_PA + BATCHES * BATCH_CASES * VECTORS_BYTES <= RAM_PA + RAM_BYTES, "vectors");
_Static_assert(DATA_PA + PASSES * DATA_STRIDE <= VECTORS_PA && 2 * DATA_BYTES <= DATA_STRIDE, "data");
_Static_assert(BATCHES *BATCH_CASES *SLOT_BYTES <= TABLES_PA - SLOTS_PA, "slots");

/* The guest is lost if a batch, a few milliseconds of work, takes this long. */
#define PATIENCE_SECONDS 60

unsigned machine_version(const char *qemu, char *text, size_t size)
{
	unsigned major = 0, minor = 0;
	char command[4096];
	FILE *pipe;

	snprintf(command, sizeof(command), "'%s' --version 2>/dev/null", qemu);
	pipe = popen(command, "r");
	if (!pipe)
		return 0;
	if (!fgets(text, (int)size, pipe))
		*text = 0;
	text[strcspn(text, "\n")] = 0;
	pclose(pipe);
	if (!strncmp(text, "QEMU emulator version ", 22))
		memmove(text, text + 22, strlen(text + 22) + 1);
	return sscanf(text, "%u.%u", &major, &minor) == 2 ? major * 100 + minor : 0;
}

static void execute(const char *qemu, const char *guest, int fd)
{
	char backend[128], size[32];
	const char *arguments[] = {
		qemu,
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-serial",
		"none",
		"-monitor",
		"none",
		"-object",
		backend,
		"-m",
		size,
		"-machine",
		"virt,virtualization=on,gic-version=3,mte=on,memory-backend=ram",
		"-cpu",
		"max,pmu=off",
		/*
		 * Code that ran once is of no more use: a small buffer is thrown away whole, often and
		 * cheaply.
		 */
		"-accel",
		"tcg,thread=single,tb-size=16",
		"-kernel",
		guest,
		NULL,
	};

	snprintf(size, sizeof(size), "%dM", RAM_BYTES >> 20);
	snprintf(backend, sizeof(backend),
		 "memory-backend-file,id=ram,share=on,size=%s,mem-path=/proc/self/fd/%d", size, fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(qemu, (char **)arguments);
	fprintf(stderr, "oracle: %s: %s\n", qemu, strerror(errno));
	_exit(127);
}

bool machine_start(struct machine *machine, const char *qemu, const char *guest)
{
	int fd = memfd_create("oracle", 0);

	if (fd < 0 || ftruncate(fd, RAM_BYTES)) {
		perror("oracle: guest memory");
		return false;
	}
	machine->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (machine->ram == MAP_FAILED) {
		perror("oracle: guest memory");
		return false;
	}
	machine->mail = machine_at(machine, MAIL_PA);
	fflush(NULL);
	machine->pid = fork();
	if (!machine->pid)
		execute(qemu, guest, fd);
	close(fd);
	return machine->pid > 0;
}

void machine_stop(struct machine *machine)
{
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	munmap(machine->ram, RAM_BYTES);
}

void machine_submit(struct machine *machine)
{
	__atomic_store_n(&machine->mail->produced, machine->mail->produced + 1, __ATOMIC_RELEASE);
}

static bool wait_for(struct machine *machine, const uint64_t *counter, uint64_t value)
{
	struct mail *mail = machine->mail;
	struct timespec nap = {.tv_nsec = 50000};
	time_t end = time(NULL) + PATIENCE_SECONDS;

	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < value) {
		if (__atomic_load_n(&mail->fatal[0], __ATOMIC_ACQUIRE)) {
			fprintf(stderr, "oracle: the guest took an exception: ESR %llx ELR %llx FAR %llx\n",
				(unsigned long long)mail->fatal[0], (unsigned long long)mail->fatal[1],
				(unsigned long long)mail->fatal[2]);
			return false;
		}
		if (waitpid(machine->pid, NULL, WNOHANG)) {
			fprintf(stderr, "oracle: QEMU ended\n");
			return false;
		}
		if (time(NULL) > end) {
			fprintf(stderr, "oracle: the guest does not answer\n");
			return false;
		}
		nanosleep(&nap, NULL);
	}
	return true;
}

bool machine_ready(struct machine *machine)
{
	return wait_for(machine, &machine->mail->ready, 1);
}

bool machine_wait(struct machine *machine, uint64_t done)
{
	return wait_for(machine, &machine->mail->done, done);
}
