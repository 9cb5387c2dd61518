#version 330 core

// Vertex stage of every surface. Surfaces with tangents are strands (hair, beards): a thin ribbon that is
// spread sideways here so that it always faces the camera. Surfaces without normals are the backdrop.

layout(location = 0) in vec3 position;
#ifdef NORMAL_LOC
layout(location = NORMAL_LOC) in vec3 normal;
#endif
#ifdef TANGENT_LOC
layout(location = TANGENT_LOC) in vec4 tangent;  // direction, signed half width in metres
#endif
layout(location = TEXCOORD_0_LOC) in vec2 texcoord_0;
layout(location = COLOR_0_LOC) in vec4 color_0;
layout(location = INST_M_LOC) in mat4 inst_m;

uniform mat4 M;
uniform mat4 V;
uniform mat4 P;
uniform vec3 cam_pos;
uniform float pixel_angle;  // radians that a pixel spans

#ifdef TANGENT_LOC
struct KeyLight {
    vec3 color;
    float intensity;
    vec3 direction;
    sampler2D shadow_map;
    mat4 light_matrix;
};
uniform KeyLight directional_lights[2];

// Strands overlap many times, so that their shadows are looked up per vertex: four taps each.
float strand_shadow(sampler2D map, mat4 light_matrix, vec3 at)
{
    vec4 clip = light_matrix * vec4(at, 1.0);
    vec3 p = clip.xyz / clip.w * 0.5 + 0.5;
    float lit = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 tap = vec2(i % 2, i / 2) * 0.008 - 0.004;
        lit += textureLod(map, p.xy + tap, 0.0).r < p.z - 0.0012 ? 0.0 : 0.25;
    }
    return lit;
}
#endif

out vec3 world;
out vec3 world_normal;
out vec3 strand;
out vec2 uv;
out vec4 tint;
out vec2 strand_shade;
out float coverage;  // of a strand that is thinner than it is drawn

void main()
{
    uv = texcoord_0;
    tint = color_0;
    strand = vec3(0.0);
    strand_shade = vec2(1.0);
    coverage = 1.0;
#ifndef NORMAL_LOC
    world = vec3(0.0);
    world_normal = vec3(0.0, 0.0, 1.0);
    gl_Position = vec4(position.xy, 0.999999, 1.0);
#else
    world = position;
    world_normal = normal;
#ifdef TANGENT_LOC
    vec3 to_camera = cam_pos - position;
    float reach = length(to_camera);
    float half_width = sign(tangent.w) * max(abs(tangent.w), 0.3 * pixel_angle * reach);
    coverage = abs(tangent.w) / max(abs(half_width), 1e-9);
    strand = normalize(tangent.xyz);
    world += normalize(cross(strand, to_camera / reach) + vec3(1e-6)) * half_width;
    vec3 above = position + normal * 0.004;
    if (directional_lights[0].intensity > 0.0)
        strand_shade.x = strand_shadow(directional_lights[0].shadow_map, directional_lights[0].light_matrix, above);
    if (directional_lights[1].intensity > 0.0)
        strand_shade.y = strand_shadow(directional_lights[1].shadow_map, directional_lights[1].light_matrix, above);
#endif
    gl_Position = P * V * vec4(world, 1.0);
#endif
}
