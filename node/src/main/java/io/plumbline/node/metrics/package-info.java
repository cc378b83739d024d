/**
 * Metrics as Prometheus reads them, by Micrometer: what every process has ({@link
 * io.plumbline.node.metrics.RoleMetrics}, the entry), what follows from events, and what roles measure themselves by. A
 * role declares its own beside what they are about: {@code LanguageMetrics}, {@code FullNodeMetrics} and so on. It
 * imports {@code network} for events and {@code http} for the route.
 */
package io.plumbline.node.metrics;
