#version 330 core

// The shadow pass: strands are spread towards the light, the backdrop casts nothing.

layout(location = 0) in vec3 position;
#ifdef TANGENT_LOC
layout(location = TANGENT_LOC) in vec4 tangent;
#endif
layout(location = INST_M_LOC) in mat4 inst_m;

uniform mat4 P;
uniform mat4 V;
uniform mat4 M;
uniform float spread;  // widens strands of which only a share is drawn

void main()
{
#ifndef NORMAL_LOC
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
#else
    vec3 world = position;
#ifdef TANGENT_LOC
    vec3 to_light = vec3(V[0][2], V[1][2], V[2][2]);
    world += normalize(cross(normalize(tangent.xyz), to_light) + vec3(1e-6)) * tangent.w * spread;
#endif
    gl_Position = P * V * vec4(world, 1.0);
#endif
}
