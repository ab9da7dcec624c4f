/* SPDX-License-Identifier: BSD-2-Clause */
/* The result file: JSON, which somebody else can send in. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <salvage/salvage.h>

#include "suite.h"

#define FORMAT     1
#define WHY        512
#define CAPS_MAX   400 /* the highest of mainline is below 300 */
#define CASES_MAX  10000
#define FORMAT_KEY "salvage_conform"

static const char *const verdicts[] = {
	[CONFORM_OK] = "ok", [CONFORM_NOT_OK] = "not ok", [CONFORM_SKIPPED] = "skipped"};

static bool refuse(char why[WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char why[WHY], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, WHY, format, ap);
	va_end(ap);
	return false;
}

/* ID registers as the guest sees them: op0 3, op1 0, CRn 0, CRm 0-7 (DDI 0487, D23), by their encoding. */
static json_t *registers(const struct vmm_kernel *kernel, int vcpu)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < 64; i++) {
		uint64_t value = 0;
		struct sv_kvm_one_reg reg = {.id = SV_KVM_SYSREG(UINT64_C(3), UINT64_C(0), UINT64_C(0),
								 (uint64_t)i / 8, (uint64_t)i % 8),
					     .addr = (uintptr_t)&value};
		char name[24], text[24];

		if (vmm_ioctl(kernel, vcpu, SV_KVM_GET_ONE_REG, &reg) < 0)
			continue;
		snprintf(name, sizeof(name), "S3_0_C0_C%u_%u", i / 8, i % 8);
		snprintf(text, sizeof(text), "0x%" PRIx64, value);
		json_object_set_new(object, name, json_string(text));
	}
	return object;
}

static json_t *capabilities(const struct vmm_kernel *kernel, int vm)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < CAPS_MAX; i++) {
		int rc = vmm_ioctl_number(kernel, vm, SV_KVM_CHECK_EXTENSION, i);
		char name[8];

		if (rc <= 0)
			continue;
		snprintf(name, sizeof(name), "%u", i);
		json_object_set_new(object, name, json_integer(rc));
	}
	return object;
}

static json_t *host(void)
{
	struct utsname name;

	if (uname(&name))
		return json_object();
	return json_pack("{s:s, s:s, s:s, s:s}", "sysname", name.sysname, "release", name.release, "version",
			 name.version, "machine", name.machine);
}

json_t *conform_describe(const struct conform_backend *backend, char why[WHY])
{
	static const struct conform_case row = {.name = "nothing"};
	const struct vmm_kernel *kernel = backend->kernel;
	struct conform conform = {.backend = backend, .kernel = kernel, .row = &row};
	struct vmm_error error;
	json_t *about;
	int fd = kernel->open(kernel->backend.opaque, &error);

	if (fd < 0) {
		refuse(why, "%s", error.text);
		return NULL;
	}
	kernel->close(kernel->backend.opaque, fd);
	conform_open(&conform);
	conform_create_vm(&conform);
	conform_create_vcpu(&conform);
	about = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", FORMAT_KEY, FORMAT, "salvage", sv_version(),
			  "backend", backend->name, "host", host(), "registers",
			  registers(kernel, conform.vcpu), "capabilities", capabilities(kernel, conform.vm));
	kernel->unmap(kernel->backend.opaque, conform.run, conform.run_size);
	kernel->close(kernel->backend.opaque, conform.vcpu);
	kernel->close(kernel->backend.opaque, conform.vm);
	kernel->close(kernel->backend.opaque, conform.kvm);
	if (!about)
		refuse(why, "no memory");
	return about;
}

static json_t *case_to_json(const struct conform_outcome *outcome)
{
	json_t *lines = json_array();
	json_t *object =
		json_pack("{s:s, s:s, s:s*, s:o}", "name", outcome->name, "verdict",
			  verdicts[outcome->verdict], "reason", outcome->reason, "transcript", lines);

	for (size_t i = 0; lines && i < outcome->count; i++)
		json_array_append_new(lines, json_string(outcome->lines[i]));
	return object;
}

bool conform_results_write(const struct conform_results *results, const char *path, char why[WHY])
{
	json_t *cases = json_array(), *root = json_copy(results->about);
	int rc = -1;

	for (size_t i = 0; cases && i < results->count; i++)
		json_array_append_new(cases, case_to_json(&results->outcomes[i]));
	if (root && cases) {
		json_object_set(root, "cases", cases);
		rc = json_dump_file(root, path, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	}
	json_decref(cases);
	json_decref(root);
	return !rc || refuse(why, "%s cannot be written", path);
}

static bool read_case(json_t *object, struct conform_outcome *outcome)
{
	const char *verdict = json_string_value(json_object_get(object, "verdict"));
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *reason = json_string_value(json_object_get(object, "reason"));
	json_t *lines = json_object_get(object, "transcript");
	size_t known = sizeof(verdicts) / sizeof(*verdicts), i = 0;

	while (verdict && i < known && strcmp(verdict, verdicts[i]))
		i++;
	if (!name || !verdict || i == known || !json_is_array(lines))
		return false;
	outcome->verdict = (enum conform_verdict)i;
	outcome->name = strdup(name);
	outcome->reason = reason ? strdup(reason) : NULL;
	outcome->lines = calloc(json_array_size(lines) + 1, sizeof(*outcome->lines));
	for (i = 0; outcome->lines && i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));

		if (!line)
			return false;
		outcome->lines[outcome->count] = strdup(line);
		if (!outcome->lines[outcome->count++])
			return false;
	}
	return outcome->name && outcome->lines;
}

bool conform_results_read(struct conform_results *results, const char *path, char why[WHY])
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error), *cases;

	*results = (struct conform_results){.about = root};
	if (!root)
		return refuse(why, "%s: line %d: %s", path, error.line, error.text);
	cases = json_object_get(root, "cases");
	if (json_integer_value(json_object_get(root, FORMAT_KEY)) != FORMAT || !json_is_array(cases) ||
	    json_array_size(cases) > CASES_MAX) {
		conform_results_free(results);
		return refuse(why, "%s: is no result file of \"salvage conform --results\", format %d", path,
			      FORMAT);
	}
	results->outcomes = calloc(json_array_size(cases) + 1, sizeof(*results->outcomes));
	for (size_t i = 0; results->outcomes && i < json_array_size(cases); i++)
		if (!read_case(json_array_get(cases, i), &results->outcomes[results->count++])) {
			conform_results_free(results);
			return refuse(why, "%s: case %zu is not as --results writes it", path, i + 1);
		}
	json_object_del(root, "cases");
	return true;
}
