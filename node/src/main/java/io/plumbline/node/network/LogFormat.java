package io.plumbline.node.network;

/** How events are written. */
public enum LogFormat {
    /** One JSON object a line. */
    JSON,

    /** One line for a person: time, severity, role, event, and its fields as name=value. */
    TEXT
}
