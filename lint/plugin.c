/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The QEMU plugin behind "salvage lint". Of each block that QEMU translates it watches the instructions that
 * access memory and that the CPU would not describe to a hypervisor (no ISV in their row); an access of one
 * of them to anything but RAM is a finding.
 *
 * Argument: report=PATH, a file that holds a struct lint_report.
 *
 * vCPUs run, and translate, in threads of their own. Nothing is locked on the way of an access to RAM.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <salvage/insn.h>

#include "qemu.h"
#include "report.h"

int qemu_plugin_version = 1;

static struct lint_report *report;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct qemu_plugin_register *cpsr; /* NULL where QEMU does not tell */
static __thread GByteArray *bytes;

/* One of them is what qemu_plugin_insn_data is here; the other is NULL. */
static insn_data_where_t insn_where;
static insn_data_copy_t insn_copy;

/*
 * QEMU refuses a plugin of a version that it does not know, and reads that before it calls anything: so what
 * it has is told by its symbols, as far as they differ. QEMU of version 4 or 5 takes 4. Between 6 and 7 the
 * command decides, which has asked QEMU for its own version.
 */
__attribute__((constructor)) static void choose_version(void)
{
	const char *given = getenv(LINT_VERSION);

	if (qemu_plugin_n_vcpus)
		qemu_plugin_version = 1;
	else if (qemu_plugin_set_pc)
		qemu_plugin_version = given && !strcmp(given, "6") ? 6 : 7;
	else if (qemu_plugin_read_memory_vaddr)
		qemu_plugin_version = 4;
	else
		qemu_plugin_version = qemu_plugin_register_vcpu_insn_exec_cond_cb ? 3 : 2;
}

/* PSTATE as the debugger sees it (CPSR's layout, DDI 0487, C5.2.19 SPSR_EL1). False if it is not known. */
static bool read_pstate(uint32_t *pstate)
{
	if (!cpsr)
		return false;
	if (!bytes)
		bytes = g_byte_array_new();
	g_byte_array_set_size(bytes, 0);
	qemu_plugin_read_register(cpsr, bytes);
	if (bytes->len < sizeof(*pstate))
		return false;
	memcpy(pstate, bytes->data, sizeof(*pstate)); /* the target is little-endian, and so are we */
	return true;
}

#define PSTATE_NRW (1u << 4)

static uint32_t level(void)
{
	uint32_t pstate;

	return read_pstate(&pstate) ? 1u << (pstate >> 2 & 3) : 0;
}

static void accessed(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t va, void *data)
{
	const struct qemu_plugin_hwaddr *address = qemu_plugin_get_hwaddr(info, va);
	const char *name;

	if (!address || !qemu_plugin_hwaddr_is_io(address))
		return;
	name = qemu_plugin_hwaddr_device_name(address);
	pthread_mutex_lock(&lock);
	lint_finding_add(report, data, name ? name : "", qemu_plugin_hwaddr_phys_addr(address),
			 qemu_plugin_mem_is_store(info), level());
	pthread_mutex_unlock(&lock);
}

static uint32_t word_of(const struct qemu_plugin_insn *insn)
{
	uint32_t word = 0;

	if (insn_copy)
		insn_copy(insn, &word, sizeof(word));
	else
		memcpy(&word, insn_where(insn), sizeof(word));
	return word;
}

/*
 * Where the state is not to be had, the disassembly gives it away: A32 has no base registers named X, and
 * lists of registers named R. Without a disassembler all is taken for A64.
 */
static bool looks_aarch32(const struct qemu_plugin_insn *insn)
{
	char *text = g_free ? qemu_plugin_insn_disas(insn) : NULL;
	bool is = text &&
		  (strstr(text, "{r") || (strchr(text, '[') && !strstr(text, "[x") && !strstr(text, "[sp")));

	if (text)
		g_free(text);
	return is;
}

/* False if it is AArch32 code. */
static bool watch(struct qemu_plugin_insn *insn)
{
	const struct lint_insn *entry;
	const struct sv_row *row;
	uint32_t word;

	if (qemu_plugin_insn_size(insn) != sizeof(word))
		return true;
	word = word_of(insn);
	row = sv_classify(SV_A64, word);
	if (!row)
		return true;
	if (!cpsr && !(row->flags & SV_ROW_ISV) && looks_aarch32(insn))
		return false;
	pthread_mutex_lock(&lock);
	entry = lint_insn_add(report, qemu_plugin_insn_vaddr(insn), word);
	pthread_mutex_unlock(&lock);
	if (entry && !(row->flags & SV_ROW_ISV))
		qemu_plugin_register_vcpu_mem_cb(insn, accessed,
						 cpsr ? QEMU_PLUGIN_CB_R_REGS : QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW, (void *)entry);
	return true;
}

/* A T32 instruction is shorter; an A32 one is told only by the state. */
static bool is_aarch32(const struct qemu_plugin_tb *tb, size_t count)
{
	uint32_t pstate;

	if (read_pstate(&pstate))
		return pstate & PSTATE_NRW;
	for (size_t i = 0; i < count; i++)
		if (qemu_plugin_insn_size(qemu_plugin_tb_get_insn(tb, i)) != sizeof(uint32_t))
			return true;
	return false;
}

static void translated_7(struct qemu_plugin_tb *tb, void *data)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	report->blocks++;
	if (is_aarch32(tb, count)) {
		report->aarch32++;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!watch(qemu_plugin_tb_get_insn(tb, i))) {
			report->aarch32++;
			break;
		}
	}
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	translated_7(tb, NULL);
}

/* All translations are gone, no vCPU runs: nobody has an instruction's entry. */
static void flushed_7(void *data)
{
	pthread_mutex_lock(&lock);
	lint_insn_forget(report);
	pthread_mutex_unlock(&lock);
}

static void flushed(qemu_plugin_id_t id)
{
	flushed_7(NULL);
}

static void vcpu_made_7(unsigned int vcpu, void *data)
{
	GArray *registers;

	pthread_mutex_lock(&lock);
	registers = cpsr ? NULL : qemu_plugin_get_registers();
	if (registers) {
		unsigned size = g_array_get_element_size(registers);

		for (unsigned i = 0; i < registers->len && !cpsr; i++) {
			const qemu_plugin_reg_descriptor *one =
				(const void *)(registers->data + (size_t)i * size);

			if (one->name && !strcmp(one->name, "cpsr"))
				cpsr = one->handle;
		}
		report->has_levels = cpsr;
		g_array_free(registers, true);
	}
	pthread_mutex_unlock(&lock);
}

static void vcpu_made(qemu_plugin_id_t id, unsigned int vcpu)
{
	vcpu_made_7(vcpu, NULL);
}

static void subscribe(qemu_plugin_id_t id, void (*subscription)(void), qemu_callback_t callback,
		      qemu_callback_t callback_7)
{
	if (qemu_plugin_version >= 7)
		((qemu_register_7_t)subscription)(id, callback_7, NULL);
	else
		((qemu_register_t)subscription)(id, callback);
}

static bool map(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd >= 0 && lseek(fd, 0, SEEK_END) == sizeof(struct lint_report))
		memory = mmap(NULL, sizeof(struct lint_report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (memory == MAP_FAILED)
		return false;
	report = memory;
	return report->magic == LINT_MAGIC;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	static const char option[] = "report=";

	if (argc != 1 || strncmp(argv[0], option, sizeof(option) - 1) || !map(argv[0] + sizeof(option) - 1)) {
		fprintf(stderr, "salvage: lint: the plugin is not for use by itself; run salvage lint\n");
		return -1;
	}
	report->version_min = info->version.min;
	report->version_cur = info->version.cur;
	snprintf(report->target, sizeof(report->target), "%s", info->target_name);
	if (!info->system_emulation || strcmp(info->target_name, "aarch64")) {
		report->state = info->system_emulation ? LINT_OTHER_TARGET : LINT_USER_MODE;
		return -1;
	}
	/* QEMU 9.1 and later, whatever version they let the plugin be of, copy. */
	if (info->version.cur >= 3)
		insn_copy = (insn_data_copy_t)qemu_plugin_insn_data;
	else
		insn_where = (insn_data_where_t)qemu_plugin_insn_data;
	subscribe(id, qemu_plugin_register_vcpu_tb_trans_cb, (qemu_callback_t)translated,
		  (qemu_callback_t)translated_7);
	subscribe(id, qemu_plugin_register_flush_cb, (qemu_callback_t)flushed, (qemu_callback_t)flushed_7);
	if (qemu_plugin_get_registers && qemu_plugin_read_register && g_byte_array_new &&
	    g_byte_array_set_size && g_array_get_element_size && g_array_free)
		subscribe(id, qemu_plugin_register_vcpu_init_cb, (qemu_callback_t)vcpu_made,
			  (qemu_callback_t)vcpu_made_7);
	report->state = LINT_WATCHING;
	return 0;
}
