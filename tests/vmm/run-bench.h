/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of a whole run share: the VMM on a kernel that plays scripts, and what it said. */
#ifndef RUN_BENCH_H
#define RUN_BENCH_H

#include <errno.h>
#include <unistd.h>

#include "support/check.h"

#include "fake-kernel.h"
#include "vm.h"

#define RECORDER      0x0a000000
#define EXIT_REGISTER 0x0a010000
#define REGISTER_FILE 0x0a020000
#define UART          0x09000000
#define HOLE          0x0b000000

#define ESR_WnR 0x46 /* a translation fault of a write, as KVM_EXIT_ARM_NISV gives it */

/* Bytes: the limit of the events, which a guest that floods reaches. */
#define EVENTS 60000

extern struct fake_kernel kernel;
extern struct vmm_error run_error;
extern char guest_path[];
extern const char *events; /* of the last run: lines of JSON */
extern char told[65536];   /* standard error */

/* One vCPU, salvage, no console. */
struct vmm_config config(void);

/* Runs it, which leaves nothing open; what vmm_run returns. */
int run(struct vmm_kernel *backend, struct vmm_config *config);

/* The same for a script of vCPU 0, which the policy of that rule alone decides, or of none. */
int run_script(const struct fake_run *script, bool salvage);
int run_policy(const struct fake_run *script, const char *rule);

void mmio(struct sv_kvm_run *run, uint64_t address, uint32_t length, bool write, uint64_t value);

/* A step of a script that is one access. */
#define FILL(name, ...)                                 \
	static inline void name(struct sv_kvm_run *run) \
	{                                               \
		mmio(run, __VA_ARGS__);                 \
	}
FILL(write_recorder, RECORDER + 5, 8, true, 0x1122334455667788)
FILL(exit_7, EXIT_REGISTER, 4, true, 7)

#define MMIO_CHECK(filler, checker)                                         \
	{                                                                   \
		.reason = SV_KVM_EXIT_MMIO, .fill = filler, .look = checker \
	}
#define MMIO(filler) MMIO_CHECK(filler, NULL)
#define BLOCK                    \
	{                        \
		.rc = FAKE_BLOCK \
	}

/* Of a group: the guest's file, with guest_words in it. */
int write_guest(void **state);
int remove_guest(void **state);

#endif
